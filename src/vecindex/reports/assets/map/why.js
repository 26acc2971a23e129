// Why a question's nearest articles are not all nearest on the map, in words.

import { count } from "../shared/format.js";

// Articles that are nearer to each other than this share of the map's width lie in one area.
const AREA = 0.06;
// On a small map: than so many times the usual gap.
const GAPS = 2;
// Distances by embedding that differ by less are hardly an order.
const FLAT = 0.015;

const plural = (n, one, more = `${one}s`) => `${count(n)} ${n === 1 ? one : more}`;

/** How many points lie nearer to a position than `dist`. */
function nearer(grid, x, y, dist) {
  const { xy } = grid;
  // Not the article itself, whose distance is rounded in another way.
  const limit = dist * dist * (1 - 1e-9);
  let found = 0;
  for (const [first, end] of grid.ranges(x - dist, y - dist, x + dist, y + dist)) {
    for (let slot = first; slot < end; slot++) {
      const dx = xy[2 * slot] - x, dy = xy[2 * slot + 1] - y;
      if (dx * dx + dy * dy < limit) found++;
    }
  }
  return found;
}

/** The number of areas that positions lie in: neighbors within `reach` belong together. */
export function areas(points, reach) {
  const of = points.map((_, i) => i);
  const root = (i) => (of[i] === i ? i : root(of[i]));
  points.forEach(([x, y], i) => {
    for (let j = 0; j < i; j++) if (Math.hypot(x - points[j][0], y - points[j][1]) <= reach) of[root(i)] = root(j);
  });
  return points.filter((_, i) => of[i] === i).length;
}

/**
 * Sentences on what a question loses; none where it loses nothing.
 *
 * @param {any} question
 * @param {import("./grid.js").Grid} grid
 * @param {{ x0: number, y0: number, x1: number, y1: number }} bounds of the points
 * @returns {string[]}
 */
export function reasons(question, grid, bounds) {
  const outside = question.nearest.filter((one) => one.row === null).length;
  const there = question.nearest.map((one, i) => ({ ...one, rank: i + 1 })).filter((one) => one.row !== null);
  const lost = there.filter((one) => !one.kept);
  const found = [];
  if (outside) found.push(`${plural(outside, "of its nearest articles is", "of its nearest articles are")} not on the map.`);
  if (question.x === null || !lost.length) return found;
  const width = Math.max(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0, 1);
  const points = there.map((one) => [grid.x(one.row), grid.y(one.row)]);
  const number = areas(points, Math.max(AREA, GAPS / Math.sqrt(grid.length)) * width);
  const far = lost.map((one) => ({ ...one, dist: Math.hypot(grid.x(one.row) - question.x, grid.y(one.row) - question.y) }));
  if (number > 1) found.push(`Its nearest articles lie in ${number} areas of the map, and the question can be in one of them only.`);
  const worst = far.reduce((a, b) => (a.dist >= b.dist ? a : b));
  const before = nearer(grid, question.x, question.y, worst.dist);
  const share = Math.round((100 * worst.dist) / width);
  const away = share >= 1 ? `${share} % of the map's width away` : "close by";
  found.push(`Number ${worst.rank} is ${away}: ${plural(before, "article lies", "articles lie")} nearer on the map.`);
  const missed = far.filter((one) => one !== worst && nearer(grid, question.x, question.y, one.dist) < 3 * question.nearest.length);
  if (missed.length) found.push(`${plural(missed.length, "more is", "more are")} missed by a little.`);
  const [first, last] = [question.nearest[0].dist, question.nearest.at(-1).dist];
  if (question.nearest.length > 2 && last - first < FLAT) found.push(`By embedding they are nearly equally near (${first.toFixed(3)} to ${last.toFixed(3)}), so their order says little.`);
  return found;
}
