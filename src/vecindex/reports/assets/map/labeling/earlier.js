// Labels that this browser keeps of the page as it was for another version of the table.

import { fromBase64, packed, toBase64, unpacked } from "../bytes.js";
import { NONE } from "./labels.js";

const VERSION = 4, PARTS = 6;

/** What the labels of a page are kept by: the page, the map and its version, and the labels in its file. */
export const nameOf = (header, mark) => ["vecindex-labels", location.pathname, header.table, header.map, header.version, mark].join("|");

/** The ids of all rows that have a label, as a text; the rows of another version are others. */
export async function idsOf(labels, viewer) {
  return toBase64(await packed(new TextEncoder().encode(JSON.stringify(await viewer.textsOf("ids", labels.rows())))));
}

/** Promise the rows of ids, by id; without those that are not on the map. @param {Set<string>} wanted */
async function rowsOf(viewer, wanted) {
  const all = await viewer.textsOf("ids", Array.from({ length: viewer.header.shown }, (_, row) => row));
  return new Map(all.flatMap((id, row) => (wanted.has(id) ? [[id, row]] : [])));
}

/** Promise what was found by `earlier` as labels of rows, and of how many articles that are not on the map. */
export async function asRows({ columns, articles }, viewer) {
  const rows = await rowsOf(viewer, new Set([...columns.values()].flatMap((one) => [...one.keys()])));
  const found = [...columns].map(([column, labels]) => {
    const there = [...labels].filter(([id]) => rows.has(id));
    return { column, labels: new Map(there.map(([id, label]) => [rows.get(id), label])) };
  });
  return { found, gone: articles - rows.size };
}

/**
 * Promise the labels of the latest other version of this page's map; null without any. `names()` are those of all that the
 * browser keeps, and `values(name)` what it is.
 */
export async function earlier(mine, { names, values }) {
  const own = mine.split("|");
  const found = names()
    .map((name) => ({ name, parts: name.split("|") }))
    .filter(({ parts }) => parts.length === PARTS && parts[VERSION] !== own[VERSION] && parts.slice(0, VERSION).every((part, i) => part === own[i]))
    .map(({ name, parts }) => ({ name, version: Number(parts[VERSION]), kept: values(name) }))
    .sort((a, b) => b.version - a.version)
    .find(({ kept }) => kept?.ids && kept.columns?.length);
  if (!found) return null;
  const ids = JSON.parse(new TextDecoder().decode(await unpacked(fromBase64(found.kept.ids))));
  return { name: found.name, version: found.version, articles: ids.length, columns: await columnsOf(found.kept, ids) };
}

/** Promise for each column the label of an id. */
async function columnsOf({ columns }, ids) {
  const all = await Promise.all(columns.map(async ({ name, names, codes }) => ({ name, names, codes: await unpacked(fromBase64(codes)) })));
  const found = new Map(all.map(({ name }) => [name, new Map()]));
  let at = 0;
  for (let row = 0; row < all[0].codes.length; row++) {
    if (all.every(({ codes }) => codes[row] === NONE)) continue;
    const id = ids[at++];
    for (const { name, names, codes } of all) if (codes[row] !== NONE) found.get(name).set(id, names[codes[row]]);
  }
  return found;
}
