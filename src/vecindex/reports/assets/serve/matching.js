// Which articles of the map meet a condition, as the server finds them.

import { json } from "./api.js";

/** Promise what was found of a condition, and a mask of the rows of the map that is shown. */
export async function matching(where, { map, edition, header }) {
  const found = await json("/api/filter", { where, edition, map });
  const bits = Uint8Array.from(atob(found.mask), (letter) => letter.charCodeAt(0));
  const mask = new Uint8Array(header.shown);
  for (let row = 0; row < mask.length; row++) mask[row] = (bits[row >> 3] >> (row & 7)) & 1;
  return { found, mask };
}
