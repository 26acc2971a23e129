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
  const power = Math.round(Math.log10(step));
  if (power >= 0) return number(Math.round(v / 10 ** power) * 10 ** power);
  return Math.abs(v) < 1000 && power >= -6 ? v.toFixed(-power) : number(v);
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
