// What is shown of an article that was picked: its card, and lines to its nearest ones by embedding.

import { lineKey } from "./cards.js";
import { Near, around } from "./near.js";
import { heldBy } from "./values.js";

/** No lines from an article any more. @param {import("./viewer.js").Viewer} viewer */
export function leave(viewer) {
  const { state } = viewer;
  if (state.around && !state.picked) viewer.find("key").hidden = true;
  state.around = null;
}

/** @param {import("./viewer.js").Viewer} viewer */
export function articleCard(viewer) {
  const { selected, near, picked } = viewer.state;
  const back = picked ? () => viewer.select(null) : null;
  // The color that is shown first.
  const all = [viewer.coloring, ...viewer.header.colorings.filter((one) => one !== viewer.coloring)];
  const fields = all.map((one) => ({
    label: one.label,
    value: viewer.codesOf(one).then((codes) => (codes ? heldBy(one, codes[selected]) ?? "none" : "(could not be read)")),
  }));
  const { shown } = viewer.maps;
  if (!viewer.scene.grid.has(selected)) fields.unshift({ label: "map", value: Promise.resolve(`not on “${shown.map}”`) });
  viewer.card.article(selected, fields, near, nearest(viewer, selected), back);
  viewer.insets();
}

/** Promise the nearest articles of a row by embedding, and draw lines to them; null where the page has none. */
async function nearest(viewer, row) {
  const { header, scene, state } = viewer;
  if (!header.near) return null;
  try {
    viewer.near ??= viewer.source.section("neighbors").then((bytes) => new Near(bytes, viewer.maps.all[0].grid, header.near));
    const found = around(row, (await viewer.near).of(row), scene.grid);
    if (state.selected !== row || header !== viewer.header || !found.nearest.length) return null;
    state.around = found;
    state.near = [];
    if (!state.picked) {
      viewer.find("key").replaceChildren(...lineKey(found));
      viewer.find("key").hidden = false;
    }
    scene.request();
    return found;
  } catch (error) {
    viewer.notice(`The nearest articles by embedding could not be read: ${error.message}.`);
    return null;
  }
}
