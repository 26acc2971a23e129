// Which names stand on the map: those of topics, or the values of a field, where its articles lie densest.

import { element } from "../../shared/dom.js";

const CELLS = 48;
const STEPS = 65536;
const KEPT = new Set(["topic", "truncated"]);

/** Where the rows of each code lie densest, in steps: the middle of those in the fullest 3 by 3 cells. */
export function densest(grid, codes, n) {
  const width = CELLS + 2;
  const counts = Array.from({ length: n }, () => new Uint32Array(width * width));
  const cellOf = (row) => (1 + Math.floor((grid.y(row) * CELLS) / STEPS)) * width + 1 + Math.floor((grid.x(row) * CELLS) / STEPS);
  for (let row = 0; row < codes.length; row++) if (codes[row] < n && grid.has(row)) counts[codes[row]][cellOf(row)]++;
  const around = [-width - 1, -width, -width + 1, -1, 0, 1, width - 1, width, width + 1];
  const best = counts.map((of) => {
    let cell = 0, most = 0;
    for (let y = 1; y <= CELLS; y++) {
      for (let x = 1; x <= CELLS; x++) {
        const at = y * width + x;
        const sum = around.reduce((total, by) => total + of[at + by], of[at] / 2);
        if (sum > most) [cell, most] = [at, sum];
      }
    }
    return new Set(around.map((by) => cell + by));
  });
  const sums = Array.from({ length: n }, () => [0, 0, 0]);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row];
    if (code >= n || !grid.has(row) || !best[code].has(cellOf(row))) continue;
    const sum = sums[code];
    sum[0] += grid.x(row);
    sum[1] += grid.y(row);
    sum[2]++;
  }
  return sums.map(([x, y, count]) => (count ? [x / count, y / count] : null));
}

export class Names {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.field = viewer.find("names");
    /** The key of the coloring whose values are shown; null for topics. @type {string | null} */
    this.key = null;
    /** That coloring and the code of each row, once they are read. @type {[any, Uint8Array] | null} */
    this.values = null;
    /** The names of each map that was shown with such values, by its grid. @type {WeakMap<object, { of: [any, Uint8Array], names: any[] }>} */
    this.made = new WeakMap();
    this.field.addEventListener("change", () => this.set(this.field.value || null));
  }

  #colorings() {
    return this.viewer.header.colorings.filter((one) => one.kind === "category" && !KEPT.has(one.key));
  }

  /** Another map was read, or its colorings have changed. */
  reset() {
    const there = this.#colorings();
    const { header } = this.viewer;
    this.field.replaceChildren(
      element("option", { value: "" }, header.topics?.length ? "topics" : "none"),
      ...there.map((one) => element("option", { value: one.key }, one.label)),
    );
    this.field.parentElement.hidden = !there.length;
    this.set(there.some((one) => one.key === this.key) ? this.key : null);
  }

  /** Promise to show the values of a coloring, null for topics; false where there is no such coloring. */
  async set(key) {
    const { viewer } = this;
    const coloring = key === null ? null : this.#colorings().find((one) => one.key === key);
    if (coloring === undefined) return false;
    this.key = key;
    this.field.value = key ?? "";
    const codes = coloring && (await viewer.codesOf(coloring));
    if (this.key !== key || (coloring && !codes)) return true;
    this.values = coloring && [coloring, codes];
    this.draw();
    viewer.scene.request();
    viewer.address.changed(true);
    return true;
  }

  /** The rows are those of another map from now on; until `reset` each map has its topics. */
  forget() {
    this.values = null;
  }

  /** Put the names on the maps that are shown. */
  draw() {
    const { scene, maps } = this.viewer;
    const names = this.on(maps.shown);
    this.viewer.find("toggle-labels").hidden = !names.length;
    scene.labelTopics(names);
    maps.second?.scene.labelTopics(this.on(maps.second.about));
  }

  /** The names that stand on a map whose grid is read. */
  on(map) {
    const { values, made } = this;
    if (!values) return map.topics ?? [];
    const known = made.get(map.grid);
    if (known?.of === values) return known.names;
    const names = this.#labels(map.grid, ...values);
    made.set(map.grid, { of: values, names });
    return names;
  }

  #labels(grid, { names, other }, codes) {
    const counts = new Uint32Array(256);
    for (const code of codes) counts[code]++;
    return densest(grid, codes, names.length).flatMap((at, code) => (
      at && code !== other && names[code] ? [{ name: names[code], x: at[0], y: at[1], count: counts[code], level: 0, category: code }] : []
    ));
  }
}
