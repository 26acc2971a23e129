// Where the map flies when an article or a question is picked.

/** Move the map where the card covers its article. @param {import("./viewer.js").Viewer} viewer */
export function uncover({ camera, state, scene: { grid } }, row) {
  if (!grid.has(row)) return;
  const [px, py] = camera.at(...state.positionOf(row));
  const freeW = camera.width - camera.inset.right, freeH = camera.height - camera.inset.bottom;
  if (px > freeW || py > freeH) camera.slide(px > freeW ? freeW / 2 - px : 0, py > freeH ? freeH / 2 - py : 0);
}

/** @param {import("./viewer.js").Viewer} viewer */
export function flyToRow({ camera, scene: { grid }, state }, row) {
  if (!grid.has(row)) return;
  const points = [row, ...state.near].map((one) => state.positionOf(one));
  const reach = Math.max(...points.map(([x, y]) => Math.max(Math.abs(x - grid.x(row)), Math.abs(y - grid.y(row)))));
  // No farther than now, near enough to separate its neighbors, and not so near that its surroundings are lost.
  const closest = Math.max(camera.zoom, 24);
  const half = Math.max(reach * 3, 0.36 * (camera.width / (camera.home.scale * closest)));
  camera.flyToBox(grid.x(row) - half, grid.y(row) - half, grid.x(row) + half, grid.y(row) + half, closest);
}

/** @param {import("./viewer.js").Viewer} viewer */
export function flyToQuestion({ camera, scene, state, find }, question) {
  scene.fitStage(); // a panel may have opened just now
  const points = question.nearest.filter((one) => one.row !== null && scene.grid.has(one.row)).map((one) => state.positionOf(one.row));
  const xs = [question.x, ...points.map((p) => p[0])], ys = [question.y, ...points.map((p) => p[1])];
  camera.flyToBox(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), 45);
  find("stage").scrollIntoView({ block: "nearest", behavior: camera.still.matches ? "auto" : "smooth" });
}
