// The selected points: put together in steps, which an address can repeat.

import { mark } from "./area.js";

/** @typedef {"new" | "add" | "remove" | "keep"} How what a step does to the selection; "keep" keeps what is in both */
/** @typedef {{ how: How, area: number[] | null, state: any }} Step an area, null for all, among what a state shows */

const HOW = {
  new: (_before, now) => now,
  add: (before, now) => before | now,
  remove: (before, now) => before & (now ^ 1),
  keep: (before, now) => before & now,
};

export class Selection {
  /** @param {number} n points */
  constructor(n) {
    this.mask = new Uint8Array(n);
    this.count = 0;
    /** @type {Step[]} */
    this.steps = [];
  }

  /**
   * Take a step.
   *
   * @param {import("../grid.js").Grid} grid
   * @param {Step} step
   * @param {Uint8Array} among which points it may take, 1 or 0 each
   */
  take(grid, step, among) {
    const { mask } = this;
    const chosen = step.area ? new Uint8Array(mask.length) : among;
    if (step.area) mark(grid, step.area, chosen);
    const combined = HOW[step.how];
    let count = 0;
    for (let row = 0; row < mask.length; row++) count += mask[row] = combined(mask[row], chosen[row] & among[row]);
    this.count = count;
    if (step.how === "new") this.steps = [];
    this.steps.push(step);
    if (!count) this.steps = [];
  }

  /** Take the rows for which `has(row)` is 1, which no address can repeat. */
  set(has) {
    this.clear();
    for (let row = 0; row < this.mask.length; row++) this.count += this.mask[row] = has(row);
  }

  clear() {
    this.mask.fill(0);
    this.count = 0;
    this.steps = [];
  }

  /** The selected rows in their order, at most so many. */
  rows(most = Infinity) {
    const found = [];
    for (let row = 0; row < this.mask.length && found.length < most; row++) if (this.mask[row]) found.push(row);
    return found;
  }
}
