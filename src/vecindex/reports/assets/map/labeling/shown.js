// A coloring that changes while the map is shown.

import { chosen, codesFor } from "../work/address.js";

/**
 * Promise to show a coloring that was added or has changed, null for one that is gone. A filter by it keeps its values.
 *
 * @param {import("../viewer.js").Viewer} viewer
 */
export async function putColoring(viewer, key, coloring, codes) {
  const { header, work } = viewer;
  const at = header.colorings.findIndex((one) => one.key === key);
  const before = header.colorings[at];
  const only = work.filters.only.get(key);
  const values = only ? chosen(before, only) : null;
  if (at >= 0) header.colorings.splice(at, 1, ...(coloring ? [coloring] : []));
  else if (coloring) header.colorings.push(coloring);
  viewer.codes[key] = codes;
  if (!coloring) delete viewer.codes[key];
  const next = coloring && values && codesFor(coloring, values);
  work.filters.choose(key, codes, next || null);
  work.facets.forget(key);
  const shown = viewer.coloring.key === key ? coloring ?? header.colorings[0] : viewer.coloring;
  viewer.fillColors(shown.key);
  if (shown !== viewer.coloring) await viewer.setColoring(shown.key);
  else work.facets.keep(shown.key);
  viewer.names.reset();
  work.draw();
}
