// Numbers and dates as readers read them.

/** @param {number} n */
export const count = (n) => n.toLocaleString("en-US");

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)} %`;

/** @param {number} v */
export function number(v) {
  const size = Math.abs(v);
  if (size < 1000) return String(Number(v.toPrecision(3)));
  // Four digits have no separator: they may be years.
  return size < 10000 ? String(Math.round(v)) : count(Math.round(v));
}

/**
 * A number that is known to within a step, no more exactly than that.
 *
 * @param {number} v
 * @param {number} step above 0
 */
export function rounded(v, step) {
  // It is off by half a step: the last digit that is shown is no more than three times that.
  const power = Math.floor(Math.log10(1.58 * step));
  if (power >= 0 || power < -6) return number(power < 0 ? v : Math.round(v / 10 ** power) * 10 ** power);
  const text = v.toFixed(-power);
  // A small number below 0 may be shown as 0, which has no sign. Four digits have no separator, as above.
  if (Number(text) === 0) return text.replace("-", "");
  const [whole, part] = text.split(".");
  return Math.abs(v) < 10000 ? text : `${count(Number(whole))}.${part}`;
}

/** @param {string} text a date in ISO 8601; anything else is returned as it is */
export function day(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
}

/**
 * A date as precisely as a scale of so many days needs it.
 *
 * @param {number} days since 1970-01-01
 * @param {number} span of the scale, in days
 */
export function dateText(days, span) {
  const date = new Date(days * 86400000);
  /** @type {Intl.DateTimeFormatOptions} */
  const form = { year: "numeric", timeZone: "UTC" };
  if (span <= 4 * 365) form.month = "short";
  if (span <= 120) form.day = "numeric";
  if (span <= 3) Object.assign(form, { hour: "2-digit", minute: "2-digit" });
  return date.toLocaleString("en-GB", form);
}
