// The section of the panel that gives the selection a label.

import { element } from "../../shared/dom.js";
import { count } from "../../shared/format.js";
import { cleaned, faultOf } from "./labels.js";

/**
 * What `keeper` does: `give(viewer, { column, label, mask, things })` and `undo(viewer)` promise what to say,
 * `refusal` says why nothing can be labeled here, `columns` are those of labels, `tools(...)` takes labels away.
 */
export class Labeling {
  /**
   * @param {import("../viewer.js").Viewer} viewer
   * @param {any} keeper
   */
  constructor(viewer, keeper) {
    this.viewer = viewer;
    this.keeper = keeper;
    this.box = viewer.find("labeling");
    this.text = element("input", {
      class: "vmap-label-text", autocomplete: "off", list: "vmap-label-names", "aria-label": "Label for the selection",
    });
    this.column = element("input", { class: "vmap-label-column", autocomplete: "off", spellcheck: "false", value: "label", list: "vmap-label-columns", maxlength: 60 });
    this.names = element("datalist", { id: "vmap-label-names" });
    this.columns = element("datalist", { id: "vmap-label-columns" });
    this.line = element("p", { class: "vmap-note vmap-label-line", role: "status" });
    this.about = element("span", { class: "vmap-label-about" });
    this.undo = this.#button("Undo", () => this.#do(() => this.keeper.undo(this.viewer)));
    this.remove = this.#button("Remove label", () => this.#give(null));
    this.go = this.#button("Label", () => this.#give(cleaned(this.text.value)), { class: "vmap-small vmap-label-go" });
    // No form: a sandboxed frame, as in a notebook, submits none.
    this.form = element(
      "div", { class: "vmap-label-form", onkeydown: (event) => this.#key(event) },
      element("div", { class: "vmap-label-row" }, this.text, this.go),
      element("div", { class: "vmap-label-row" }, element("label", {}, "Column ", this.column), this.remove),
    );
    this.tools = element("div", { class: "vmap-command vmap-label-tools" });
    this.box.append(
      element("div", { class: "vmap-filters-top" }, element("h2", {}, "Labels ", this.about), this.undo),
      this.form, this.names, this.columns, this.line, this.tools,
    );
    this.column.addEventListener("input", () => this.#suggest());
    /** What was shown last, so that dragging a filter does not build it again. @type {any[]} */
    this.last = [];
  }

  #button(name, act, attributes = {}) {
    return element("button", { type: "button", class: "vmap-small", onclick: act, ...attributes }, name);
  }

  #key(event) {
    if (event.key !== "Enter" || event.isComposing || event.target.localName !== "input") return;
    event.preventDefault();
    this.#give(cleaned(this.text.value));
  }

  say(text, wrong = false) {
    this.line.textContent = text;
    this.line.classList.toggle("vmap-wrong", wrong);
  }

  #suggest() {
    const { columns } = this.keeper;
    const own = columns.find((one) => one.name === this.column.value.trim());
    this.names.replaceChildren(...(own?.names ?? []).map((value) => element("option", { value })));
    this.columns.replaceChildren(...columns.map(({ name }) => element("option", { value: name })));
  }

  /** Show what can be done to a selection. @param {import("../work/selection.js").Selection} selection */
  show(selection) {
    const { keeper, viewer } = this;
    const n = selection.count;
    const now = [keeper, keeper.version, n];
    if (now.every((one, i) => one === this.last[i])) return;
    if (!this.busy && n !== this.last[2]) this.say("");
    const again = keeper !== this.last[0] || keeper.version !== this.last[1];
    this.last = now;
    this.things = viewer.header?.by ?? "article";
    const { refusal, about, canUndo } = keeper;
    this.box.hidden = !(n || about || canUndo);
    this.form.hidden = !n || refusal !== null;
    this.text.placeholder = n ? `Label for the ${count(n)} selected` : "";
    this.about.textContent = about;
    this.undo.hidden = !canUndo;
    if (n && refusal !== null) this.say(refusal);
    if (!again) return;
    this.#suggest();
    this.tools.replaceChildren(...keeper.tools(viewer, (text) => this.say(text), (...what) => this.#button(...what)));
  }

  async #give(label) {
    const { selection } = this.viewer.work;
    const column = this.column.value.trim();
    const fault = faultOf(label, column);
    if (fault) return this.say(fault, true);
    const done = await this.#do(() => this.keeper.give(this.viewer, { column, label, mask: selection.mask.slice(), things: this.things }));
    if (done && label !== null) this.text.value = "";
  }

  /** A button that had the focus may be gone. */
  #focus() {
    if (document.activeElement !== document.body) return;
    const next = this.form.hidden ? this.viewer.find("over") : this.text;
    next.focus({ preventScroll: true });
  }

  /** Promise whether it could be done. */
  async #do(act) {
    if (this.busy) return false;
    this.busy = true;
    this.box.setAttribute("aria-busy", "true");
    try {
      this.say(await act());
      return true;
    } catch (error) {
      this.say(error.status === undefined ? error.message : String(error), true);
      return false;
    } finally {
      this.busy = false;
      this.box.removeAttribute("aria-busy");
      this.show(this.viewer.work.selection);
      this.#focus();
    }
  }
}
