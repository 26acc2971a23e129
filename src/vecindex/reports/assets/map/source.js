// The data of a page that holds all of it, in blocks that `vecindex map` wrote.

import { fromBase64, unpacked } from "./bytes.js";

/** The source that reads the blocks of the script's own page. */
export function embedded() {
  // Blocks may follow the script, so that the map is drawn while the rest of the file is still read.
  const whole = () =>
    document.readyState !== "loading"
      ? Promise.resolve()
      : new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
  async function block(id) {
    // A block is there before its text is: a large one is read in pieces. What follows it shows that it is whole.
    if (!document.getElementById(id)?.nextElementSibling) await whole();
    const found = document.getElementById(id);
    if (!found) throw new Error(`this page has no block ${id}`);
    return found.textContent;
  }
  return {
    header: async () => JSON.parse(await block("map-header")),
    section: async (name) => unpacked(fromBase64(await block(`map-section-${name}`))),
  };
}
