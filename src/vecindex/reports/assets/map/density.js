// How many points lie on top of each other, as a shade over them: the colors alone no longer show it.

// Cells along the longer side of the map: so many that some points are in a blurred one. Empty ones around it are for
// the blur.
const FEWEST = 16, MOST = 376, PER_ROOT = 0.8, EDGE = 4;
// So many layers of points show as stronger colors; from then on the shade says how many there are.
const LAYERS = 2;
const STRONGEST = 0.45;
// The shade goes from this share of the points to that one, and over two octaves at least.
const FROM = 0.25, TO = 0.995, OCTAVES = 2;
const BINS_AN_OCTAVE = 8;

/**
 * How dense points are in the cells of a fine grid, blurred. The shade of a cell grows with the logarithm of its density,
 * from where points of a given size cover the map more than twice. So it is there in a view of the whole map, and gives
 * way as one zooms in.
 */
export class Density {
  /**
   * @param {import("./grid.js").Grid} grid
   * @param {{ x0: number, y0: number, x1: number, y1: number }} box points outside it are not counted
   */
  constructor(grid, { x0, y0, x1, y1 }) {
    const cell = Math.max(1, x1 - x0, y1 - y0) / Math.min(MOST, Math.max(FEWEST, Math.round(PER_ROOT * Math.sqrt(grid.length))));
    const count = (size) => Math.floor(size / cell) + 1 + 2 * EDGE;
    const wide = (this.wide = count(x1 - x0)), high = (this.high = count(y1 - y0));
    this.cell = cell;
    this.x0 = x0 - EDGE * cell;
    this.y0 = y0 - EDGE * cell;
    this.cellOf = new Uint32Array(grid.length);
    const { xy } = grid;
    for (let slot = 0; slot < grid.length; slot++) {
      const x = xy[2 * slot], y = xy[2 * slot + 1];
      const inside = x >= x0 && x <= x1 && y >= y0 && y <= y1;
      this.cellOf[slot] = inside ? Math.floor((y - this.y0) / cell) * wide + Math.floor((x - this.x0) / cell) : wide * high;
    }
    this.count(null);
    /** By row, what is counted now; null for all. @type {Uint8Array | null} */
    this.counted = null;
    const [low, high_] = [this.quantile(FROM), this.quantile(TO)];
    /** The logarithm of the density from which there is a shade, and over how many octaves it becomes the strongest. */
    this.low = low;
    this.octaves = Math.max(OCTAVES, high_ - low);
    /** The greatest logarithm of all points, however many are counted now. */
    this.highest = this.most;
  }

  /** Count the points with 1 by slot; all without a mask. */
  count(highlighted) {
    const { cellOf, wide, high } = this;
    const counts = new Float32Array(wide * high + 1);
    if (highlighted) for (let slot = 0; slot < cellOf.length; slot++) counts[cellOf[slot]] += highlighted[slot];
    else for (let slot = 0; slot < cellOf.length; slot++) counts[cellOf[slot]]++;
    counts[wide * high] = 0;
    blur(counts, wide);
    this.#logarithms(counts);
    this.made = null;
  }

  #logarithms(density) {
    const area = this.cell * this.cell;
    const logs = (this.logs = new Float32Array(density.length - 1));
    this.bins = new Float64Array(64 * BINS_AN_OCTAVE);
    this.most = -Infinity;
    for (let i = 0; i < logs.length; i++) {
      if (density[i] === 0) {
        logs[i] = -Infinity;
        continue;
      }
      const log = (logs[i] = Math.log2(density[i] / area));
      if (log > this.most) this.most = log;
      this.bins[bin(log)] += density[i];
    }
  }

  /** The logarithm below which this share of the points lies. */
  quantile(share) {
    const total = this.bins.reduce((sum, one) => sum + one, 0);
    let sum = 0;
    for (let i = 0; i < this.bins.length; i++) {
      sum += this.bins[i];
      if (sum >= share * total) return (i + 0.5) / BINS_AN_OCTAVE - 40;
    }
    return 0;
  }

  /** Whether points of an area, in square steps of the map, overlap so much that there is a shade. */
  overlap(area) {
    return this.highest > Math.log2(LAYERS / area);
  }

  /**
   * The shade over points that cover so much area each, in square steps of the map: `alpha`, a byte for each cell, the
   * lowest row first, and where the cells are; null for none.
   */
  shade(area) {
    const low = Math.max(this.low, Math.log2(LAYERS / area));
    if (!(this.most > low)) return null;
    if (this.made?.low === low) return this.made.shade;
    const { logs, wide, high, cell, x0, y0 } = this;
    const alpha = new Uint8Array(logs.length);
    const slope = (255 * STRONGEST) / this.octaves, most = Math.round(255 * STRONGEST);
    for (let i = 0; i < logs.length; i++) if (logs[i] > low) alpha[i] = Math.min(most, slope * (logs[i] - low));
    this.made = { low, shade: { alpha, wide, high, x0, y0, x1: x0 + wide * cell, y1: y0 + high * cell } };
    return this.made.shade;
  }
}

// The density of a point in all of the map's 65,536 times 65,536 steps has the logarithm -32.
const bin = (log) => Math.min(64 * BINS_AN_OCTAVE - 1, Math.max(0, Math.floor((log + 40) * BINS_AN_OCTAVE)));

/** Blur in place, three times by three cells each way. */
function blur(values, wide) {
  const other = new Float32Array(values.length);
  const end = values.length - 1;
  for (const step of [1, wide]) {
    for (let pass = 0; pass < 3; pass++) {
      const [from, to] = pass % 2 ? [other, values] : [values, other];
      for (let i = step; i < end - step; i++) to[i] = (from[i - step] + from[i] + from[i + step]) / 3;
    }
    values.set(other);
  }
}
