// The selected points: put together in steps, which an address can repeat.

import { mark } from "./area.js";

/** @typedef {"new" | "add" | "remove" | "keep"} How what a step does to the selection; "keep" keeps what is in both */
/** @typedef {{ how: How, area: number[] | null, ids?: string[], state: any }} Step an area among what a state shows */

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
   * @param {number[]} [rows] of a step without an area: these, else all among them
   */
  take(grid, step, among, rows) {
    const { mask } = this;
    const chosen = step.area || rows ? new Uint8Array(mask.length) : among;
    if (step.area) mark(grid, step.area, chosen);
    for (const row of rows ?? []) chosen[row] = 1;
    const combined = HOW[step.how];
    let count = 0;
    for (let row = 0; row < mask.length; row++) count += mask[row] = combined(mask[row], chosen[row] & among[row]);
    this.count = count;
    if (step.how === "new") this.steps = [];
    this.steps.push(step);
    if (!count) this.steps = [];
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
