// Labels that the server stores as a column of the table.

import { count } from "../shared/format.js";
import { toBase64 } from "../map/bytes.js";
import { putColoring } from "../map/labeling/shown.js";
import { json } from "./api.js";

const READ_ONLY = "This server only reads. Started with --allow-annotate, it stores labels: vecindex serve --allow-annotate. "
  + "Or press Command above, which also shows how to label these.";

/** The bits of a mask, the lowest first, as base64. */
function bits(mask) {
  const bytes = new Uint8Array(Math.ceil(mask.length / 8));
  mask.forEach((one, row) => (bytes[row >> 3] |= one << (row & 7)));
  return toBase64(bytes);
}

export class OnServer {
  /**
   * @param {any} now the page's state: its map, its snapshot, its header
   * @param {{ section: (name: string, of: any) => Promise<Uint8Array>, reload: () => Promise<any>, again: () => Promise<any> }} on
   *   reads a section of the map of a header; reads the whole map; shows the page's condition, which may be one on labels
   */
  constructor(now, on) {
    this.now = now;
    this.on = on;
    this.version = 0;
    this.about = "";
    this.refusal = READ_ONLY;
    this.columns = [];
    /** What undoes the last label. @type {{ version: number, column: string } | null} */
    this.last = null;
  }

  /** Take what the server says of itself. */
  learn({ annotate, labels }) {
    const { header } = this.now;
    const names = (column) => header?.colorings.find((one) => one.key === `field:${column}`)?.names ?? [];
    const columns = labels.map((name) => ({ name, names: names(name) }));
    const refusal = annotate ? null : READ_ONLY;
    if (refusal === this.refusal && JSON.stringify(columns) === JSON.stringify(this.columns)) return false;
    Object.assign(this, { columns, refusal });
    this.version++;
    return true;
  }

  get canUndo() {
    return this.last !== null;
  }

  async give(viewer, { column, label, mask, things }) {
    const what = label === null ? { clear: true } : { label };
    const rows = { map: this.now.map, edition: this.now.edition, shown: mask.length, mask: bits(mask) };
    const found = await json("/api/annotate", { column, ...what, ...rows });
    this.last = { version: found.version, column };
    await this.#follow(viewer, found, label !== null);
    const chunks = found.rows > found.articles ? `, with all their ${count(found.rows)} chunks,` : "";
    const named = `${count(found.articles)} article${found.articles === 1 ? "" : "s"}${chunks}`;
    const gone = found.not_found.length ? ` ${count(found.not_found.length)} ${things}s are gone from the table.` : "";
    return `${named} ${label === null ? "without a label now" : `labeled “${found.label}”`}, in the column ${column} of the table.${gone}`;
  }

  async undo(viewer) {
    const { version, column } = this.last;
    const found = await json("/api/annotate", { undo: version, column, map: this.now.map });
    this.last = null;
    await this.#follow(viewer, found, false);
    return `Undone: the labels of the column ${column} are as before.`;
  }

  /** Show the table as it is now; where only labels have changed, the map stays as it is. */
  async #follow(viewer, found, color) {
    const key = `field:${found.column}`;
    this.version++;
    if (found.same_rows && (await this.#recolored(viewer, key, found))) await this.on.again();
    else await this.on.reload();
    if (color && viewer.header.colorings.some((one) => one.key === key)) await viewer.setColoring(key);
  }

  /** Show the labels of a snapshot whose rows are those on the page; false where that is not the latest any more. */
  async #recolored(viewer, key, found) {
    const { header } = viewer, part = encodeURIComponent;
    try {
      const next = await json(`/api/maps/${part(this.now.map)}/header?edition=${part(found.edition)}`);
      const coloring = next.colorings.find((one) => one.key === key) ?? null;
      const codes = coloring && (await this.on.section(`color:${key}`, next));
      if (viewer.header !== header) return false;
      Object.assign(header, { edition: next.edition, version: next.version });
      await putColoring(viewer, key, coloring, codes);
      return true;
    } catch (error) {
      if (error.status === 409) return false;
      throw error;
    }
  }

  tools() {
    return [];
  }
}
