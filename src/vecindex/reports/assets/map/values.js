// What a code of a coloring stands for, no more exactly than the page holds it.

import { count, dateText, number, rounded } from "../shared/format.js";

// A value that lies on the border of two steps may have either.
const SLACK = 1e-6;
const HOUR = 1 / 24;
// Spans, in days, for which `dateText` writes so much.
const MINUTES = 1, DAYS = 60, MONTHS = 1000, YEARS = 2000;

/** The number at a step of a coloring; between two steps at a half. */
export const valueAt = ({ low, high, scale }, step) =>
  scale === "log" ? low * (high / low) ** (step / 254) : low + ((high - low) * step) / 254;

/** A number, or a date, of a coloring as text, as precisely as its whole scale needs it. */
export const textOf = ({ unit, low, high, whole }, value) =>
  unit === "date" ? dateText(value, high - low) : number(whole ? Math.round(value) : value);

const beyond = ({ unit }) => (unit === "date" ? ["before", "after"] : ["less", "more"]);

/** What a code means on the scale; null for none. */
export function valueOf(coloring, code) {
  if (code === 255) return null;
  if (coloring.kind === "category") return coloring.names[code] || "(empty)";
  if (coloring.out_of) return `${Math.round((coloring.high * code) / 254)} of ${coloring.out_of}`;
  const value = textOf(coloring, valueAt(coloring, code));
  const [less, more] = beyond(coloring);
  if (code === 0) return `${value} or ${less}`;
  return code === 254 ? `${value} or ${more}` : value;
}

/**
 * The least and the highest value that a step may stand for, and how wide it is. Where `whole`, these are whole numbers or
 * days themselves: `least` is above `most` where the step holds none.
 */
function reach(coloring, code) {
  const [least, most] = [valueAt(coloring, code - 0.5), valueAt(coloring, code + 0.5)];
  const step = most - least, slack = SLACK * step;
  const whole = coloring.whole && Math.max(-least, most) <= Number.MAX_SAFE_INTEGER;
  return whole ? { least: Math.ceil(least - slack), most: Math.floor(most + slack), step, whole } : { least, most, step, whole };
}

const spanOf = (step) => (step <= HOUR ? MINUTES : step <= 15 ? DAYS : step <= 200 ? MONTHS : YEARS);

/**
 * What an article with this code has, no more exactly than the page knows it: the value where the step holds one alone,
 * else about which one, or between which ones; of the values that have no color of their own how many these are. Null for
 * none.
 */
export function heldBy(coloring, code) {
  const { kind, other, rest, out_of, unit } = coloring;
  if (kind === "category" && code === other && rest) {
    return `${coloring.names[code]} (${rest === 1 ? "the least frequent value" : `one of ${count(rest)} less frequent values`})`;
  }
  if (code === 255 || kind === "category" || out_of) return valueOf(coloring, code);
  const { least, most, step, whole } = reach(coloring, code);
  const [less, more] = beyond(coloring);
  const one = whole && least === most;
  if (unit === "date") {
    const [from, to] = [least, most].map((day) => dateText(day, one ? DAYS : spanOf(step)));
    if (code === 0) return `${to} or ${less}`;
    if (code === 254) return `${from} or ${more}`;
    return from === to ? from : `${from} to ${to}`;
  }
  if (whole && code === 0) return `${number(most)} or ${less}`;
  if (whole && code === 254) return `${number(least)} or ${more}`;
  if (one) return number(least);
  const about = `about ${rounded(valueAt(coloring, code), whole ? Math.max(1, step) : step)}`;
  return code === 0 ? `${about} or ${less}` : code === 254 ? `${about} or ${more}` : about;
}

const isNewYear = (day) => {
  const date = new Date(day * 86_400_000);
  return date.getUTCMonth() === 0 && date.getUTCDate() === 1;
};

/** The two ends of a range of codes as text, as precisely as they are. */
export function endsOf(coloring, first, last) {
  if (coloring.out_of) return [valueOf(coloring, first), valueOf(coloring, last)];
  const [from, to] = [reach(coloring, first), reach(coloring, last)];
  const [less, more] = beyond(coloring);
  // Steps that are smaller than 1 may hold no whole number.
  const whole = from.whole && to.whole && from.least <= to.most;
  const middle = [first, last].map((code) => valueAt(coloring, code));
  // Beyond the scale there are values too: its own ends are what is known.
  const values = whole ? [first === 0 ? Math.round(middle[0]) : from.least, last === 254 ? Math.round(middle[1]) : to.most] : middle;
  const years = whole && isNewYear(values[0]) && isNewYear(values[1] + 1);
  const day = (value, { step }) => dateText(value, years ? YEARS : !whole && step <= HOUR ? MINUTES : DAYS);
  const text = (value, end) => (coloring.unit === "date" ? day(value, end) : whole ? number(value) : rounded(value, end.step));
  return [`${text(values[0], from)}${first === 0 ? ` or ${less}` : ""}`, `${text(values[1], to)}${last === 254 ? ` or ${more}` : ""}`];
}
