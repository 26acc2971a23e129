// Labels of the reader's own: a column of texts, of which each article has one or none.

import { fromBase64, toBase64, packed, unpacked } from "../bytes.js";

export const NONE = 255;
const MOST = 254;
const LONGEST = 200;
const UNDONE = 10;
const COLUMN = /^[a-z][a-z0-9_]{0,59}$/;

export const keyOf = (column) => `labels:${column}`;

/** A label as it is stored: on one line, with single spaces. */
export const cleaned = (text) => text.trim().replace(/\s+/g, " ");

/** What is wrong with a label or the name of a column; null for nothing. */
export function faultOf(label, column) {
  if (label !== null && !label) return "Type a label first.";
  // Characters are Unicode code points, as in Python; the field has no `maxlength`, which counts UTF-16 units.
  const length = label === null ? 0 : [...label].length;
  if (length > LONGEST) return `A label has at most ${LONGEST} characters, found ${length}.`;
  if (!COLUMN.test(column)) return "A column's name has small letters, digits and _, a letter first.";
  return null;
}

export class Labels {
  /** @param {number} n points */
  constructor(n) {
    this.n = n;
    /** @type {Map<string, { names: string[], codes: Uint8Array }>} */
    this.columns = new Map();
    /** What columns were before a step. @type {{ column: string, before: { names: string[], codes: Uint8Array } | undefined }[]} */
    this.steps = [];
  }

  /** Give the rows with 1 in a mask a label, null for none; throws where a column would have too many. */
  give(column, label, mask) {
    const before = this.columns.get(column);
    const names = [...(before?.names ?? [])];
    const codes = before ? before.codes.slice() : new Uint8Array(this.n).fill(NONE);
    let code = label === null ? NONE : names.indexOf(label);
    if (code < 0) code = names.push(label) - 1;
    for (let row = 0; row < this.n; row++) if (mask[row]) codes[row] = code;
    const next = withoutEmpty(names, codes);
    if (next.names.length > MOST) throw new Error(`A column has at most ${MOST} different labels here.`);
    this.steps.push({ column, before });
    if (this.steps.length > UNDONE) this.steps.shift();
    this.#put(column, next);
  }

  #put(column, next) {
    if (next?.names.length) this.columns.set(column, next);
    else this.columns.delete(column);
  }

  /** Go back before the last step; return its column. */
  undo() {
    const { column, before } = this.steps.pop();
    this.#put(column, before);
    return column;
  }

  /** How many rows have a label in any column. */
  get count() {
    let count = 0;
    const all = [...this.columns.values()];
    for (let row = 0; row < this.n; row++) count += all.some(({ codes }) => codes[row] !== NONE) ? 1 : 0;
    return count;
  }

  /** A column as a coloring of the map; null where it has no labels. `taken` are labels of other colorings. */
  coloring(column, taken = new Set()) {
    const found = this.columns.get(column);
    if (!found) return null;
    const counts = new Array(found.names.length).fill(0);
    for (const code of found.codes) if (code !== NONE) counts[code]++;
    return {
      key: keyOf(column), label: taken.has(column) ? `${column} (in this page)` : column, kind: "category",
      names: found.names, counts, other: null,
    };
  }

  /** All of it as plain values; null where there are no labels. */
  async written() {
    if (!this.columns.size) return null;
    const columns = await Promise.all([...this.columns].map(async ([name, { names, codes }]) => ({ name, names, codes: toBase64(await packed(codes)) })));
    return { articles: this.n, columns };
  }

  /** Take what `written` gave; false for that of other articles. */
  async read(values) {
    if (values?.articles !== this.n || !Array.isArray(values.columns)) return false;
    for (const { name, names, codes } of values.columns) {
      const bytes = await unpacked(fromBase64(codes));
      if (bytes.length !== this.n || !COLUMN.test(name)) return false;
      this.#put(name, withoutEmpty(names.map(String), bytes));
    }
    return true;
  }
}

/** Names without those that no row has, and the codes for them. */
function withoutEmpty(names, codes) {
  const used = new Uint8Array(256);
  for (const code of codes) used[code] = 1;
  const code = new Uint8Array(256).fill(NONE);
  const kept = names.filter((_, i) => used[i]);
  names.forEach((name, i) => (code[i] = used[i] ? kept.indexOf(name) : NONE));
  return { names: kept, codes: codes.map((one) => code[one]) };
}
