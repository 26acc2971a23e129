// Conditions on the points, and which points meet all of them.

/** The condition on the values of a coloring. */
export const onValues = (key) => `values:${key}`;

/**
 * Conditions by name. For each point it is known how many of them it fails, so that one of them is changed, or looked
 * behind, without the others.
 */
export class Filters {
  /** @param {number} n points */
  constructor(n) {
    this.n = n;
    this.failing = new Uint8Array(n);
    /** How often each condition has been changed. @type {Map<string, number>} */
    this.changes = new Map();
    /** Tallies that have been made, and what the other conditions were then. @type {Map<string, { others: number, codes: Uint8Array, tally: Uint32Array }>} */
    this.tallies = new Map();
    /** @type {Map<string, Uint8Array>} */
    this.masks = new Map();
    /** Codes that are shown, by the key of a coloring. @type {Map<string, Set<number>>} */
    this.only = new Map();
  }

  /** Set a condition: 1 for each point that meets it; null removes it. */
  set(name, mask) {
    const { failing, n } = this;
    const before = this.masks.get(name);
    this.#changed(name);
    if (before) for (let row = 0; row < n; row++) failing[row] -= before[row] ? 0 : 1;
    this.masks.delete(name);
    if (!mask) return;
    for (let row = 0; row < n; row++) failing[row] += mask[row] ? 0 : 1;
    this.masks.set(name, mask);
  }

  /** Show only these codes of a coloring; null shows all. */
  choose(key, codes, only) {
    if (only) this.only.set(key, only);
    else this.only.delete(key);
    if (!only) return this.set(onValues(key), null);
    const allowed = new Uint8Array(256);
    for (const code of only) allowed[code] = 1;
    const own = this.masks.get(onValues(key));
    if (own) return this.#again(onValues(key), own, codes, allowed);
    const mask = new Uint8Array(codes.length);
    for (let row = 0; row < mask.length; row++) mask[row] = allowed[codes[row]];
    this.set(onValues(key), mask);
  }

  /** Change a condition on values in one pass: a range is dragged. */
  #again(name, mask, codes, allowed) {
    const { failing } = this;
    this.#changed(name);
    for (let row = 0; row < mask.length; row++) {
      const now = allowed[codes[row]];
      failing[row] += mask[row] - now;
      mask[row] = now;
    }
  }

  #changed(name) {
    this.changes.set(name, (this.changes.get(name) ?? 0) + 1);
  }

  /** The number of changes of all conditions but one. */
  #others(name) {
    let sum = 0;
    for (const [one, times] of this.changes) if (one !== name) sum += times;
    return sum;
  }

  /** Whether there is any condition. */
  get any() {
    return this.masks.size > 0;
  }

  /** Which points meet all conditions, 1 or 0 each, and how many; without one of them, by its name. */
  passing(without = null) {
    const { failing, n } = this;
    const own = this.masks.get(without);
    const mask = new Uint8Array(n);
    let count = 0;
    for (let row = 0; row < n; row++) count += mask[row] = failing[row] - (own && !own[row] ? 1 : 0) ? 0 : 1;
    return { mask, count };
  }

  /** How many points have each code of a coloring, of those that meet all conditions but the one on it. */
  tally(key, codes) {
    const { failing, n } = this;
    const own = this.masks.get(onValues(key)), others = this.#others(onValues(key));
    const known = this.tallies.get(key);
    if (known?.others === others && known.codes === codes) return known.tally;
    // Points that fail are counted apart.
    const sums = new Uint32Array(512);
    if (own) for (let row = 0; row < n; row++) sums[codes[row] + (failing[row] + own[row] > 1 ? 256 : 0)]++;
    else for (let row = 0; row < n; row++) sums[codes[row] + (failing[row] ? 256 : 0)]++;
    const tally = sums.slice(0, 256);
    this.tallies.set(key, { others, codes, tally });
    return tally;
  }
}
