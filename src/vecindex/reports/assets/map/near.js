// The nearest articles of each article by embedding, from the section "neighbors"; docs/map-page.md describes its form.

const NONE = 0, OFF_MAP = 0xffffff;

/** The bits of a coordinate with a free one after each. */
function spread(v) {
  v = (v | (v << 8)) & 0x00ff00ff;
  v = (v | (v << 4)) & 0x0f0f0f0f;
  v = (v | (v << 2)) & 0x33333333;
  return (v | (v << 1)) & 0x55555555;
}

/** Rows in the order of a Z-shaped curve, equal positions by row. @param {import("./grid.js").Grid} grid */
export function zOrder(grid) {
  const n = grid.length;
  const keys = new Float64Array(n);
  for (let slot = 0; slot < n; slot++) {
    const row = grid.order[slot];
    const key = (spread(grid.xy[2 * slot]) | (spread(grid.xy[2 * slot + 1]) << 1)) >>> 0;
    keys[row] = key * n + row;
  }
  keys.sort();
  return Uint32Array.from(keys, (key) => key % n);
}

export class Near {
  /**
   * @param {Uint8Array} bytes
   * @param {import("./grid.js").Grid} grid
   * @param {number} k
   */
  constructor(bytes, grid, k) {
    this.bytes = bytes;
    this.k = k;
    this.order = zOrder(grid);
    this.rank = new Uint32Array(grid.length);
    this.order.forEach((row, rank) => (this.rank[row] = rank));
  }

  /** The nearest rows by embedding, nearest first; null for one that is not on the map. @returns {(number | null)[]} */
  of(row) {
    const { bytes, k, order, rank } = this;
    const plane = order.length * k, from = rank[row];
    const found = [];
    for (let i = from * k; i < (from + 1) * k; i++) {
      const code = bytes[i] | (bytes[plane + i] << 8) | (bytes[2 * plane + i] << 16);
      if (code === NONE) break;
      found.push(code === OFF_MAP ? null : order[from + (code % 2 ? -(code + 1) / 2 : code / 2)]);
    }
    return found;
  }
}

/**
 * What an article's neighbors by embedding are on the map, in the form of a question: `kept` where it is among the
 * equally many nearest on the map, of equally far ones too. An article that is not on the map keeps none.
 *
 * @param {number} row
 * @param {(number | null)[]} nearest
 * @param {import("./grid.js").Grid} grid
 */
export function around(row, nearest, grid) {
  const [x, y] = grid.has(row) ? [grid.x(row), grid.y(row)] : [null, null];
  const onMap = x === null ? [] : grid.nearest(x, y, nearest.length, (other) => other === row);
  const reach = onMap.length < nearest.length ? Infinity : (onMap.at(-1)?.dist ?? 0);
  const kept = (other) => other !== null && x !== null && Math.hypot(grid.x(other) - x, grid.y(other) - y) <= reach;
  return {
    row, x, y,
    nearest: nearest.map((other) => ({ row: other, kept: kept(other) })),
    on_map: onMap.map((one) => one.row),
  };
}
