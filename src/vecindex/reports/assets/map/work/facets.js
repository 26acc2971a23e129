// The section of filters: fields of which only some values are shown, next to the one that colors the map.

import { element, given } from "../../shared/dom.js";
import { count } from "../../shared/format.js";
import { palette } from "../colors.js";
import { Legend } from "../legend.js";

export class Facets {
  /**
   * @param {import("../viewer.js").Viewer} viewer
   * @param {import("./workbench.js").Workbench} work
   */
  constructor(viewer, work) {
    this.viewer = viewer;
    this.work = work;
    this.box = viewer.find("filters");
    this.list = this.box.querySelector(".vmap-facets");
    this.field = this.box.querySelector(".vmap-facet-add");
    this.line = this.box.querySelector(".vmap-filters-line");
    this.all = this.box.querySelector(".vmap-filters-all");
    /** By the key of the coloring. @type {Map<string, { legend: Legend, element: any }>} */
    this.shown = new Map();
    this.field.addEventListener("change", () => this.add(this.field.value, true));
    this.all.addEventListener("click", () => {
      work.showAll();
      // The button has hidden itself.
      viewer.legend.focus();
    });
  }

  /** Another map was read. */
  reset() {
    this.shown.clear();
    this.list.replaceChildren();
    this.#choices();
  }

  #coloring(key) {
    return this.viewer.header.colorings.find((one) => one.key === key);
  }

  #choices() {
    const free = this.viewer.header.colorings.filter((one) => !this.shown.has(one.key) && one.key !== this.viewer.coloring?.key);
    this.field.replaceChildren(element("option", { value: "" }, "Filter by …"), ...free.map((one) => element("option", { value: one.key }, one.label)));
    this.field.hidden = !free.length;
    this.box.hidden = !free.length && !this.shown.size && !this.work.filters.any;
  }

  /** Show a field here; with `focus` its first control is reached next. */
  async add(key, focus = false) {
    const coloring = this.#coloring(key);
    const codes = coloring && !this.shown.has(key) ? await this.viewer.codesOf(coloring) : null;
    if (!codes || this.shown.has(key) || coloring !== this.#coloring(key)) return this.#choices();
    const box = element("div", { class: "vmap-legend", role: "group", "aria-label": coloring.label });
    const remove = element("button", { type: "button", class: "vmap-close", "aria-label": `Remove the filter by ${coloring.label}`, onclick: () => this.remove(key) }, "\u00d7");
    const made = element("div", { class: "vmap-facet" }, element("div", { class: "vmap-facet-top" }, element("h3", {}, given(coloring.label)), remove), box);
    const legend = new Legend(box, { only: (only) => this.work.choose(key, only), ready: () => !this.viewer.scene.behind });
    legend.set(coloring, codes, this.work.filters.only.get(key) ?? null);
    legend.draw(palette(coloring, this.viewer.scene.theme));
    this.shown.set(key, { legend, element: made });
    this.list.append(made);
    this.#choices();
    this.recount();
    if (focus) legend.focus();
    if (focus) made.scrollIntoView({ block: "nearest" });
  }

  remove(key) {
    this.shown.get(key)?.element.remove();
    this.shown.delete(key);
    if (this.work.filters.only.has(key)) this.work.choose(key, null);
    this.#choices();
    (this.field.hidden ? this.viewer.find("color") : this.field).focus();
  }

  /** Its coloring has changed: it is shown again by `keep`. */
  forget(key) {
    this.shown.get(key)?.element.remove();
    this.shown.delete(key);
  }

  /** The map is colored by this field now: its legend filters it. A filter by another one is shown here. */
  keep(key) {
    this.forget(key);
    for (const other of this.work.filters.only.keys()) if (other !== key) this.add(other);
    this.#choices();
  }

  /** The theme has changed. */
  draw() {
    for (const [key, { legend }] of this.shown) legend.draw(palette(this.#coloring(key), this.viewer.scene.theme));
    this.recount();
  }

  /** Show what the conditions leave; `shown` points meet them all. */
  recount(shown = this.last) {
    this.last = shown;
    const { viewer, work: { filters } } = this;
    this.line.textContent = filters.any ? `${count(shown)} of ${count(filters.n)} shown` : "";
    this.all.hidden = !filters.any;
    const again = (key, legend) => legend.recount(filters.only.get(key) ?? null, filters.tally(key, viewer.codes[key]));
    for (const [key, { legend }] of this.shown) again(key, legend);
    if (viewer.coloring && viewer.legend.coloring === viewer.coloring) again(viewer.coloring.key, viewer.legend);
  }
}
