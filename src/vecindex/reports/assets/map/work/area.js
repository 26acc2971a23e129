// Which points lie in an area that was drawn on the map.

const CELL = 512;
// The parts of a step that corners are rounded to, so that an address can hold them whole.
const PARTS = 10;
const MOST_CORNERS = 200;

/** A polygon: the coordinates x0 y0 x1 y1 ... of its corners, in steps of the map. */
/** @typedef {number[]} Polygon */

const rounded = (v) => Math.round(PARTS * v) / PARTS;

/** The corners of a box between two opposite ones. @returns {Polygon} */
export function box([x0, y0], [x1, y1]) {
  return [x0, y0, x1, y0, x1, y1, x0, y1].map(rounded);
}

/**
 * A drawn line as a polygon: corners are left out that are nearer than `tolerance` to the line without them.
 *
 * @param {number[][]} points
 * @param {number} tolerance in steps
 * @returns {Polygon}
 */
export function lasso(points, tolerance) {
  let kept = thinned(points, tolerance);
  for (let t = tolerance; kept.length > MOST_CORNERS; ) kept = thinned(points, (t *= 1.5));
  return kept.flat().map(rounded);
}

/** Douglas and Peucker's line, without recursion. */
function thinned(points, tolerance) {
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const parts = [[0, points.length - 1]];
  while (parts.length) {
    const [first, last] = parts.pop();
    let farthest = -1, most = tolerance;
    for (let i = first + 1; i < last; i++) {
      const off = distance(points[i], points[first], points[last]);
      if (off > most) [farthest, most] = [i, off];
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    parts.push([first, farthest], [farthest, last]);
  }
  return points.filter((_, i) => keep[i]);
}

function distance([x, y], [x0, y0], [x1, y1]) {
  const dx = x1 - x0, dy = y1 - y0, square = dx * dx + dy * dy;
  const t = square ? Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / square)) : 0;
  return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
}

/**
 * Set 1 in `mask` for each row in a polygon, where its line crosses itself by the even-odd rule.
 *
 * @param {import("../grid.js").Grid} grid
 * @param {Polygon} polygon
 * @param {Uint8Array} mask by row
 */
export function mark(grid, polygon, mask) {
  const n = polygon.length >> 1;
  const xs = polygon.filter((_, i) => i % 2 === 0), ys = polygon.filter((_, i) => i % 2 === 1);
  const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const { xy, order } = grid;
  // Of each row of cells only the sides that cross it matter.
  for (let y0 = Math.max(0, Math.floor(bottom / CELL)) * CELL; y0 <= Math.min(65535, top); y0 += CELL) {
    const sides = [];
    for (let i = 0, j = n - 1; i < n; j = i++) {
      if (Math.max(ys[i], ys[j]) >= y0 && Math.min(ys[i], ys[j]) <= y0 + CELL) sides.push(xs[i], ys[i], xs[j], ys[j]);
    }
    for (const [first, end] of grid.ranges(left, y0, right, y0)) {
      for (let slot = first; slot < end; slot++) {
        if (inside(xy[2 * slot], xy[2 * slot + 1], sides)) mask[order[slot]] = 1;
      }
    }
  }
}

function inside(x, y, sides) {
  let odd = false;
  for (let i = 0; i < sides.length; i += 4) {
    const y0 = sides[i + 1], y1 = sides[i + 3];
    if (y0 > y !== y1 > y && x < ((sides[i + 2] - sides[i]) * (y - y0)) / (y1 - y0) + sides[i]) odd = !odd;
  }
  return odd;
}
