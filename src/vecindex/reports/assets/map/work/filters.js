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
    /** @type {Map<string, Uint8Array>} */
    this.masks = new Map();
    /** Codes that are shown, by the key of a coloring. @type {Map<string, Set<number>>} */
    this.only = new Map();
  }

  /** Set a condition: 1 for each point that meets it; null removes it. */
  set(name, mask) {
    const { failing, n } = this;
    const before = this.masks.get(name);
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
    this.set(onValues(key), codes.map((code) => allowed[code]));
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
    const own = this.masks.get(onValues(key));
    const tally = new Uint32Array(256);
    for (let row = 0; row < n; row++) {
      if (failing[row] === 0 || (own && failing[row] === 1 && !own[row])) tally[codes[row]]++;
    }
    return tally;
  }
}
