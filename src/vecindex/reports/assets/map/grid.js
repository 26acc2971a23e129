// Points in the cells of a grid, to draw those in view and to find those near a position.

const CELLS = 128;
const SHIFT = 9;

const NOWHERE = 0xffffffff;

/**
 * Points in the order of the cells of a grid, 128 a side, and in their own order within a cell.
 * `order[slot]` is a row, `slotOf[row]` its slot, `xy` the coordinates by slot, `start` the first slot of each cell. Of a map without some of the
 * rows these have no slot, and NaN as their coordinates.
 */
export class Grid {
  /**
   * @param {Uint16Array} points
   * @param {((row: number) => boolean) | null} there which rows are on the map; null for all
   */
  constructor(points, there = null) {
    const n = points.length >> 1;
    const start = new Uint32Array(CELLS * CELLS + 1);
    const cellOf = new Uint16Array(n);
    let known = 0;
    for (let i = 0; i < n; i++) {
      if (there && !there(i)) continue;
      known++;
      const cell = ((points[2 * i + 1] >> SHIFT) * CELLS) + (points[2 * i] >> SHIFT);
      cellOf[i] = cell;
      start[cell + 1]++;
    }
    for (let c = 0; c < CELLS * CELLS; c++) start[c + 1] += start[c];
    const next = start.slice();
    this.order = new Uint32Array(known);
    this.slotOf = new Uint32Array(n).fill(NOWHERE);
    this.xy = new Uint16Array(2 * known);
    for (let i = 0; i < n; i++) {
      if (there && !there(i)) continue;
      const slot = next[cellOf[i]]++;
      this.order[slot] = i;
      this.slotOf[i] = slot;
      this.xy[2 * slot] = points[2 * i];
      this.xy[2 * slot + 1] = points[2 * i + 1];
    }
    this.start = start;
    /** How many points there are. */
    this.length = known;
    /** How dense they are, once that has been asked for. @type {import("./density.js").Density | null} */
    this.density = null;
  }

  has(row) {
    return this.slotOf[row] !== NOWHERE;
  }

  x(row) {
    return this.has(row) ? this.xy[2 * this.slotOf[row]] : NaN;
  }

  y(row) {
    return this.has(row) ? this.xy[2 * this.slotOf[row] + 1] : NaN;
  }

  /** The fewest ranges of slots [first, end) that hold every point of a rectangle. */
  ranges(x0, y0, x1, y1) {
    const cell = (v) => Math.min(CELLS - 1, Math.max(0, Math.floor(v) >> SHIFT));
    if (x1 < 0 || y1 < 0 || x0 > 65535 || y0 > 65535) return [];
    const [left, right, low, high] = [cell(x0), cell(x1), cell(y0), cell(y1)];
    const found = [];
    for (let row = low; row <= high; row++) {
      const first = this.start[row * CELLS + left], end = this.start[row * CELLS + right + 1];
      if (first === end) continue;
      const last = found.at(-1);
      if (last && last[1] === first) last[1] = end;
      else found.push([first, end]);
    }
    return found;
  }

  /** The k rows nearest to a position, the closest first, of equals the lower row; rows that `skip` accepts are left out. */
  nearest(x, y, k, skip = (_row) => false, within = 1e6) {
    if (Number.isNaN(x)) return [];
    for (let radius = Math.min(within, 400); ; radius = Math.min(within, 2 * radius)) {
      const found = this.#inside(x, y, k, radius, skip);
      if (found.length === k || radius >= within || radius > 2e5) return found;
    }
  }

  #inside(x, y, k, radius, skip) {
    const { xy, order } = this;
    const found = [];
    let limit = radius * radius;
    for (const [first, end] of this.ranges(x - radius, y - radius, x + radius, y + radius)) {
      for (let slot = first; slot < end; slot++) {
        const dx = xy[2 * slot] - x, dy = xy[2 * slot + 1] - y;
        const square = dx * dx + dy * dy;
        if (square > limit) continue;
        const row = order[slot];
        const before = (other) => square < other.square || (square === other.square && row < other.row);
        if ((found.length === k && !before(found[k - 1])) || skip(row)) continue;
        let rank = found.length;
        while (rank > 0 && before(found[rank - 1])) rank--;
        found.splice(rank, 0, { row, square });
        if (found.length > k) found.pop();
        if (found.length === k) limit = found[k - 1].square;
      }
    }
    return found.map(({ row, square }) => ({ row, dist: Math.sqrt(square) }));
  }
}
