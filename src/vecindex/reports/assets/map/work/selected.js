// The section of the panel that says what is selected, and takes it away.

import { element } from "../../shared/dom.js";
import { count } from "../../shared/format.js";
import { titled } from "../titles.js";
import { annotateCommand, copy, csv, download, exportCommand, idLines } from "./files.js";

const LISTED = 100;
// More titles than these are not sorted, for all would have to be read.
const SORTED = 5000;

const HOW = [
  ["new", "Replace", "A new choice replaces the selection"],
  ["add", "Add", "A new choice is added"],
  ["remove", "Remove", "A new choice is removed"],
  ["keep", "Intersect", "Only what is in both stays"],
];

/**
 * `on.texts(name, rows)` promises texts, `on.pick(row)` shows an article, `on.all()` selects all that is shown,
 * `on.clear()`, `on.only(yes)` shows the selection alone; `on.where()` is the condition that stands for exactly the
 * selection, null without one; `on.table()` and `on.version()` are of the table; `on.columns()` are the category columns as { label, at(row) }; `on.position(row)`.
 */
export class Selected {
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.how = "new";
    this.line = box.querySelector(".vmap-selected-count");
    this.hint = box.querySelector(".vmap-selected-hint");
    this.body = box.querySelector(".vmap-selected-body");
    this.only = this.#button("Show only these", () => on.only(this.only.getAttribute("aria-pressed") !== "true"), { "aria-pressed": "false" });
    this.all = this.#button("Select all shown", () => on.all());
    this.#choices();
    this.list = element("ol", { class: "vmap-selected-list" });
    this.command = element("div", { class: "vmap-command" });
    this.actions = element(
      "div", { class: "vmap-actions" },
      this.#button("List", () => this.#toggle("list"), { "aria-expanded": "false", class: "vmap-small vmap-list-button" }),
      this.#button("Copy ids", () => this.#copyIds()),
      this.#button("CSV", () => this.#csv(), { title: "Save ids, titles, positions and categories" }),
      this.#button("Command", () => this.#toggle("command"), { "aria-expanded": "false", class: "vmap-small vmap-command-button" }),
      this.only,
      this.#button("Clear", () => on.clear()),
    );
    this.body.append(element("div", { class: "vmap-actions" }, this.all), this.actions, this.command, this.list);
  }

  #button(name, act, attributes = {}) {
    const clicked = async () => {
      try {
        await act();
      } catch (error) {
        this.say(`The texts could not be read: ${error.message}.`);
      }
    };
    return element("button", { type: "button", class: "vmap-small", onclick: clicked, ...attributes }, name);
  }

  #choices() {
    const group = this.box.querySelector(".vmap-how");
    group.append(...HOW.map(([how, name, title]) => element(
      "label", { title }, element("input", { type: "radio", name: "vmap-how", value: how, checked: how === "new", onchange: () => (this.how = how) }), element("span", {}, name),
    )));
  }

  say(text) {
    this.hint.textContent = text;
  }

  /**
   * Show a selection.
   *
   * @param {import("./selection.js").Selection} selection
   * @param {{ shown: number, hidden: number, filtered: boolean, open: boolean, things: string }} about points that meet
   *   the conditions, selected ones that do not, whether there are conditions, whether a tool is in hand
   */
  show(selection, { shown, hidden, filtered, open, things }) {
    this.selection = selection;
    const n = selection.count;
    this.things = things;
    this.box.hidden = !(n || filtered || open);
    this.line.textContent = n ? `${count(n)} ${things}${n === 1 ? "" : "s"}${hidden ? `, ${count(hidden)} of them not shown now` : ""}` : "nothing selected";
    this.all.hidden = !filtered;
    this.all.textContent = `Take all ${count(shown)} shown`;
    this.actions.hidden = !n;
    this.say("");
    this.#fold("list", false);
    this.#fold("command", false);
  }

  #fold(name, open) {
    this[name].hidden = !open;
    this.actions.querySelector(`.vmap-${name}-button`).setAttribute("aria-expanded", String(open));
    if (!open) this[name].replaceChildren();
  }

  async #toggle(name) {
    const open = this[name].hidden;
    this.say("");
    this.#fold("list", false);
    this.#fold("command", false);
    if (!open) return;
    this.#fold(name, true);
    if (name === "list") return this.#fill(LISTED);
    this.#explain();
  }

  async #fill(most) {
    const { selection } = this;
    const all = selection.count;
    const sorted = all <= SORTED;
    const rows = selection.rows(sorted ? all : most);
    const titles = await this.on.texts("titles", rows);
    if (selection !== this.selection || selection.count !== all || this.list.hidden) return;
    const found = rows.map((row, i) => ({ row, title: titles[i] }));
    if (sorted) found.sort((a, b) => a.title.localeCompare(b.title) || a.row - b.row);
    const items = found.slice(0, most).map(({ row, title }) => element(
      "li", {}, element("button", { type: "button", class: "vmap-item", "data-row": row, onclick: () => this.on.pick(row) }, titled(title || "(no title)")),
    ));
    if (all > most) items.push(element("li", {}, this.#button("Show more", () => this.#fill(most + 5 * LISTED))));
    this.list.replaceChildren(...items);
    this.say(sorted ? "By title." : `${count(Math.min(most, all))} of them, in no order.`);
  }

  async #ids() {
    return this.on.texts("ids", this.selection.rows());
  }

  async #copyIds() {
    const ids = await this.#ids();
    const done = await copy(idLines(ids));
    this.say(done ? `${count(ids.length)} ids copied.` : "The browser did not let the page copy. Save them with Command.");
  }

  async #csv() {
    const rows = this.selection.rows();
    const columns = this.on.columns();
    const [ids, titles] = await Promise.all(["ids", "titles"].map((name) => this.on.texts(name, rows)));
    const lines = rows.map((row, i) => [ids[i], titles[i], ...this.on.position(row).map((v) => String(v)), ...columns.map((one) => one.at(row))]);
    download("selection.csv", csv(["id", "title", "x", "y", ...columns.map((one) => one.label)], lines), "text/csv");
    this.say(`${count(rows.length)} rows saved. Numbers are in the page in 255 steps only, so the file leaves them out; Command gives all columns.`);
  }

  #explain() {
    const where = this.on.where();
    const text = exportCommand(this.on.table(), where);
    const things = `${count(this.selection.count)} ${this.things}${this.selection.count === 1 ? "" : "s"}`;
    this.command.replaceChildren(
      element("p", { class: "vmap-note" }, where === null
        ? `Save the ids, then this writes the ${things} with all their columns:`
        : `Of version ${this.on.version()} of the table this writes the ${things} with all their columns; of later rows those that meet the condition:`),
      element("pre", { tabindex: "0", "aria-label": "Command" }, element("code", {}, text)),
      element("p", { class: "vmap-note" }, "This stores a label with them, a column to color by:"),
      element("pre", { tabindex: "0", "aria-label": "Command for a label" }, annotateCommand(this.on.table(), where)),
      element("p", { class: "vmap-note" }, "Elsewhere than where the map was made, add --db DIR, the database of this map."),
      element(
        "div", { class: "vmap-actions" },
        this.#button("Copy command", async () => this.say((await copy(text)) ? "Command copied." : "The browser did not let the page copy.")),
        where === null ? this.#button("Save ids.txt", async () => {
          download("ids.txt", idLines(await this.#ids()));
          this.say(`${count(this.selection.count)} ids saved.`);
        }) : null,
      ),
    );
  }
}
