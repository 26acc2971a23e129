// Labels that are kept by the page itself: in this browser, and in files that it writes.

import { element } from "../../shared/dom.js";
import { count } from "../../shared/format.js";
import { annotateCode, annotateFile, csv, download } from "../work/files.js";
import { inPage, mark, pageWith } from "./copy.js";
import { Labels, keyOf } from "./labels.js";
import { putColoring } from "./shown.js";

/** A source whose map also has the labels of the page, and what keeps them. */
export function labeled(source) {
  const keeper = new InPage();
  return {
    keeper,
    source: {
      header: async () => {
        const header = await source.header();
        await keeper.begin(header);
        header.colorings.push(...keeper.colorings());
        return header;
      },
      section: async (name) => keeper.codes(name) ?? source.section(name),
    },
  };
}

/** A part of an address as it is read; where it is none, as "100%.html" of a server, the part itself. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The values of a text that was stored; null where it is damaged. */
function plain(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

class InPage {
  constructor() {
    this.labels = new Labels(0);
    this.stored = true;
    this.notebook = false;
    this.version = 0;
    this.about = "";
    /** What this browser keeps, as it was read or written last. @type {string | null} */
    this.kept = null;
    /** One change after the other, since each takes its time. @type {Promise<any>} */
    this.turn = Promise.resolve();
  }

  /** Read the labels of a map: those that this browser keeps of the page, else those in its file. */
  async begin(header) {
    this.labels = new Labels(header.shown);
    this.version++;
    this.taken = new Set(header.colorings.map((one) => one.label));
    this.name = ["vecindex-labels", location.pathname, header.table, header.map, header.version, mark()].join("|");
    await this.#read(header.shown);
    this.#count();
  }

  async #read(n) {
    this.kept = this.#stored();
    for (const values of [plain(this.kept), inPage()]) {
      this.labels = new Labels(n);
      try {
        if (await this.labels.read(values)) return;
      } catch { /* damaged */ }
    }
    this.labels = new Labels(n);
  }

  /** What this browser keeps now. */
  #stored() {
    try {
      return localStorage.getItem(this.name);
    } catch { // a page in a frame has no storage
      return null;
    }
  }

  /** From now on the labels are also those that another window of this page gives. */
  follow(viewer) {
    addEventListener("storage", async ({ key }) => {
      if (key === this.name && (await viewer.ready)) await this.#next(() => this.#others(viewer));
    });
  }

  /** Take what another window has stored since, in place of all labels; nothing of these is undone. */
  async #others(viewer) {
    const text = this.#stored();
    if (text === null || text === this.kept) return;
    const next = new Labels(this.labels.n);
    if (!(await next.read(plain(text)).catch(() => false))) return;
    this.kept = text;
    await this.#put(viewer, next);
  }

  /** Promise what an act gives, once those before it are done. */
  #next(act) {
    const done = this.turn.then(act);
    this.turn = done.catch(() => {});
    return done;
  }

  #count() {
    const { count: some } = this.labels;
    this.about = some ? `${count(some)} labeled` : "";
    this.version++;
  }

  colorings() {
    return [...this.labels.columns.keys()].map((column) => this.labels.coloring(column, this.taken));
  }

  /** The codes of a section that is one of labels; undefined for another one. */
  codes(section) {
    for (const [column, { codes }] of this.labels.columns) if (section === `color:${keyOf(column)}`) return codes;
    return undefined;
  }

  /** Why nothing can be labeled here; null where it can. */
  get refusal() {
    return null;
  }

  get canUndo() {
    return this.labels.steps.length > 0;
  }

  get columns() {
    return [...this.labels.columns].map(([name, { names }]) => ({ name, names }));
  }

  give(viewer, what) {
    return this.#next(() => this.#give(viewer, what));
  }

  async #give(viewer, { column, label, mask, things }) {
    let given = 0;
    for (let row = 0; row < mask.length; row++) given += mask[row];
    await this.#others(viewer);
    this.labels.give(column, label, mask);
    await this.#show(viewer, column);
    await this.#keep();
    if (label !== null) await viewer.setColoring(keyOf(column));
    const named = `${count(given)} ${things}${given === 1 ? "" : "s"}`;
    return `${label === null ? `${named} without a label now` : `${named} labeled “${label}”`}. ${this.#where()}`;
  }

  undo(viewer) {
    return this.#next(async () => {
      await this.#others(viewer);
      if (!this.canUndo) throw new Error("Another window of this page has changed the labels since; nothing was undone.");
      await this.#show(viewer, this.labels.undo());
      await this.#keep();
      return `Undone. ${this.#where()}`;
    });
  }

  /** All labels as plain values; null without any. */
  written() {
    return this.labels.written();
  }

  /** Take labels as `written` gives them in place of all others; nothing of it is undone. */
  replace(viewer, values) {
    return this.#next(async () => {
      const next = new Labels(this.labels.n);
      if (values && !(await next.read(values))) throw new Error("The notebook's labels are of other articles.");
      await this.#put(viewer, next);
      await this.#keep();
    });
  }

  async #put(viewer, next) {
    const before = this.labels;
    this.labels = next;
    for (const column of new Set([...before.columns.keys(), ...next.columns.keys()])) await this.#show(viewer, column);
  }

  /** From now on a notebook has all labels. */
  inNotebook(viewer) {
    this.notebook = true;
    viewer.labeling.last = [];
    viewer.work.draw();
  }

  #where() {
    if (this.notebook) return "The notebook has it.";
    return this.stored ? "This browser keeps it until the page is made again; Save page and Labels as CSV keep it for good." : "It is kept until this page is closed: save it.";
  }

  async #show(viewer, column) {
    const found = this.labels.columns.get(column);
    this.#count();
    await putColoring(viewer, keyOf(column), this.labels.coloring(column, this.taken), found?.codes);
  }

  async #keep() {
    const values = await this.labels.written();
    // Without labels, those of the file are not to come back.
    const text = JSON.stringify(values ?? { articles: this.labels.n, columns: [] });
    try {
      localStorage.setItem(this.name, text);
      this.kept = text;
      this.stored = true;
    } catch {
      this.stored = false;
    }
  }

  /** What takes the labels away. */
  tools(viewer, say, button) {
    if (!this.labels.columns.size) return [];
    const command = element("pre", { tabindex: "0", "aria-label": "Command for the labels" });
    const columns = [...this.labels.columns.keys()];
    const list = columns.map((column) => (this.notebook ? annotateCode(column) : annotateFile(viewer.header.table, column))).join("\n");
    command.textContent = list;
    return [
      element(
        "div", { class: "vmap-actions" },
        button("Save page", async () => {
          download(this.file(viewer), pageWith(await this.labels.written()));
          say("A copy of this page with the labels is saved.");
        }, { title: "Save a copy of this page that has the labels" }),
        button("Labels as CSV", async () => {
          try {
            for (const column of this.labels.columns.keys()) download(`${column}s.csv`, await this.#csv(viewer, column), "text/csv");
            say("Ids and labels are saved. The command stores them as a column of the table.");
          } catch (error) {
            say(`The ids could not be read: ${error.message}.`);
          }
        }),
      ),
      element("p", { class: "vmap-note" }, `${this.notebook ? "With shown = index.map(), they become" : "The CSV becomes"} a column of the table by:`),
      command,
      element("p", { class: "vmap-note" }, `A label that is removed here stays in the table unless you add ${this.notebook ? "prune=True" : "--prune"}, which leaves the column these alone.`),
    ];
  }

  file({ header }) {
    const own = location.pathname.split("/").pop().replace(/(-labeled)?\.html?$/i, "");
    const name = own && own !== "srcdoc" ? decoded(own) : header.map.replace(/[^\w.-]+/g, "-");
    return `${name}-labeled.html`;
  }

  async #csv(viewer, column) {
    const { names, codes } = this.labels.columns.get(column);
    const rows = [];
    for (let row = 0; row < codes.length; row++) if (codes[row] < names.length) rows.push(row);
    const ids = await viewer.textsOf("ids", rows);
    return csv(["id", "label"], rows.map((row, i) => [ids[i], names[codes[row]]]));
  }
}
