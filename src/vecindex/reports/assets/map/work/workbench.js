// Work on the map: conditions that combine, and a selection.

import { chosen, codesFor, fieldsOf, stepsOf } from "./address.js";
import { Facets } from "./facets.js";
import { condition } from "./files.js";
import { Filters } from "./filters.js";
import { Selected } from "./selected.js";
import { Selection } from "./selection.js";
import { Tools } from "./tools.js";

export class Workbench {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.filters = new Filters(0);
    this.selection = new Selection(0);
    this.alone = false;
    this.panel = new Selected(viewer.find("selection"), {
      texts: (name, rows) => viewer.textsOf(name, rows),
      pick: (row) => viewer.select(row, true),
      all: () => this.take(null),
      clear: () => this.clear(),
      only: (yes) => this.showAlone(yes),
      where: () => this.#where(),
      table: () => viewer.header.table,
      version: () => viewer.header.version,
      columns: () => this.#columns(),
      position: (row) => this.#position(row),
    });
    this.facets = new Facets(viewer, this);
    this.tools = new Tools(viewer, {
      drawn: (area, how) => this.take(area, how),
      tool: () => this.draw(),
      hint: (text) => this.#hint(text),
    });
  }

  /** Another map was read. */
  reset(n) {
    this.filters = new Filters(n);
    this.selection = new Selection(n);
    this.alone = false;
    this.facets.reset();
    this.draw();
  }

  /** Set a condition by its name; null removes it. */
  set(name, mask) {
    this.filters.set(name, mask);
    if (name === "search") this.draw();
    else this.#narrowed();
  }

  /** Show only these codes of a coloring that has been read; null shows all. */
  choose(key, only) {
    const { viewer } = this;
    this.filters.choose(key, viewer.codes[key], only);
    for (const scene of viewer.maps.scenes) scene.changing = true;
    this.#narrowed();
  }

  /** Remove all conditions. */
  showAll() {
    this.alone = false;
    for (const key of [...this.filters.only.keys()]) this.filters.choose(key, this.viewer.codes[key], null);
    this.filters.set("selection", null);
    if (this.viewer.search.text) this.viewer.search.clear();
    else this.draw();
  }

  /** A search finds among what meets the other conditions. */
  #narrowed() {
    if (this.viewer.search.text && this.viewer.titles) this.viewer.search.run();
    else this.draw();
  }

  /** Take an area of a map, or all that is shown without one, into the selection. */
  take(area, how = null, map = this.viewer.maps.shown) {
    const other = area && map !== this.viewer.maps.all[0] ? { m: map.map } : null;
    const shown = this.shownState();
    const step = { how: how ?? this.panel.how, area, state: shown || other ? { ...shown, ...other } : null };
    this.selection.take(map.grid, step, this.filters.passing().mask);
    this.#changed();
  }

  /** Which points are shown, as an address says it: `f` values by field, `s` searched words, `w` the page's condition. */
  shownState() {
    const { filters, viewer } = this;
    const { colorings } = viewer.header;
    const fields = [...filters.only].map(([key, only]) => [key, chosen(colorings.find((one) => one.key === key), only)]);
    const found = {
      ...(fields.length ? { f: Object.fromEntries(fields) } : {}),
      ...(filters.masks.has("search") ? { s: viewer.search.text } : {}),
      ...(filters.masks.has("outer") && viewer.where ? { w: viewer.where } : {}),
      ...(this.alone ? { alone: 1 } : {}),
    };
    return Object.keys(found).length ? found : null;
  }

  /**
   * Show what an address says: conditions, and the steps of a selection. `still()` is false once that is outdated;
   * `unknown` gets what is not there.
   */
  async restore(values, still, unknown) {
    const { viewer } = this;
    const steps = values.sel === undefined ? [] : unknown.read(() => stepsOf(values.sel), []);
    this.alone = false;
    this.selection.clear();
    const filters = await this.#filters(values.f === undefined ? {} : unknown.read(() => fieldsOf(values.f), {}), unknown);
    if (!still()) return;
    const outer = this.filters.masks.get("outer");
    if (outer) filters.set("outer", outer);
    // What follows waits for titles and answers: filters that the reader sets and words typed meanwhile come on top.
    this.filters = filters;
    viewer.search.field.value = values.s ?? "";
    this.facets.keep(viewer.coloring.key);
    this.draw();
    if (values.w && !viewer.onwhere) unknown.add("condition", values.w);
    if (values.w !== undefined || viewer.where) await viewer.onwhere?.(values.w ?? "");
    const selection = await this.#selection(steps, still, unknown);
    if (values.s !== undefined) await viewer.titlesRead;
    if (!still()) return;
    // Nor does it replace a selection of the reader's own.
    if (!this.selection.count) {
      this.selection = selection;
      this.alone = values.alone !== undefined && selection.count > 0;
      this.filters.set("selection", this.alone ? selection.mask.slice() : null);
    }
    viewer.search.run();
    this.draw();
  }

  /** Promise the selection that steps lead to. */
  async #selection(steps, still, unknown) {
    const { maps } = this.viewer;
    const selection = new Selection(this.filters.n);
    for (const step of steps) {
      const among = await this.#among(step.state, selection, unknown);
      const map = step.state?.m === undefined ? maps.all[0] : maps.of(step.state.m);
      if (!map) unknown.add("map", step.state.m);
      const grid = map && (await maps.gridOf(map));
      if (!still()) break;
      if (grid) selection.take(grid, step, among);
    }
    return selection;
  }

  /** Promise filters by values of fields. */
  async #filters(fields, unknown) {
    const filters = new Filters(this.filters.n);
    for (const [key, values] of Object.entries(fields)) {
      const coloring = this.viewer.header.colorings.find((one) => one.key === key);
      const only = coloring ? codesFor(coloring, values) : null;
      if (!coloring) unknown.add("color", key);
      else if (!only) unknown.add(coloring.label, values.map((one) => one ?? "none").join(", "));
      const codes = only && (await this.viewer.codesOf(coloring));
      if (codes) filters.choose(key, codes, only);
    }
    return filters;
  }

  /** Promise which points were shown in such a state, of which a selection may be one condition. */
  async #among(state, selection, unknown) {
    const { viewer } = this;
    const filters = await this.#filters(state?.f ?? {}, unknown);
    if (state?.s) {
      const titles = await viewer.titlesRead;
      const mask = new Uint8Array(filters.n);
      for (const row of titles?.find(state.s).rows ?? []) mask[row] = 1;
      filters.set("search", mask);
    }
    if (state?.w && !viewer.maskOf) unknown.add("condition", state.w);
    else if (state?.w) filters.set("outer", await viewer.maskOf(state.w));
    if (state?.alone) filters.set("selection", selection.mask.slice());
    return filters.passing().mask;
  }

  clear() {
    this.selection.clear();
    this.#changed();
    this.viewer.find("over").focus({ preventScroll: true });
  }

  /** Show the selection alone, as a condition like the others, or all again. */
  showAlone(yes) {
    this.alone = yes;
    this.#changed();
  }

  #changed() {
    this.alone &&= this.selection.count > 0;
    this.set("selection", this.alone ? this.selection.mask.slice() : null);
  }

  #hint(text) {
    if (text) this.viewer.find("selection").hidden = false;
    else this.draw();
    this.panel.say(text);
  }

  /** Highlight what meets the conditions, of that the selection where there is one. */
  draw() {
    const { viewer, filters, selection } = this;
    if (!viewer.scene.grid) return;
    const { mask, count } = filters.passing();
    viewer.shown = filters.any ? mask : null;
    let both = count;
    const highlight = (some, n) => viewer.maps.scenes.forEach((scene) => scene.setHighlighted(some, n));
    if (!selection.count) highlight(filters.any ? mask : null, count);
    else {
      const seen = new Uint8Array(filters.n);
      both = 0;
      for (let row = 0; row < filters.n; row++) both += seen[row] = mask[row] & selection.mask[row];
      highlight(seen, both);
    }
    this.facets.recount(count);
    viewer.labeling.show(selection);
    viewer.address.changed(true);
    viewer.onchange?.();
    this.panel.only.setAttribute("aria-pressed", String(this.alone));
    this.panel.show(selection, {
      shown: count, hidden: selection.count ? selection.count - both : 0, filtered: filters.any,
      open: this.tools.kind !== null, things: viewer.header?.by ?? "article",
    });
  }

  /**
   * The condition that stands for exactly the selection, with every filter that is set, also one that excludes nothing
   * here, for it may exclude rows that the table gets later; null where SQL cannot say one of them.
   */
  #where() {
    const { filters, selection, viewer } = this;
    const parts = [];
    if (filters.masks.has("search") || filters.masks.has("outer")) return null;
    for (const [key, only] of filters.only) {
      const coloring = viewer.header.colorings.find((one) => one.key === key);
      const part = coloring ? condition(coloring, only) : null;
      if (part === null) return null;
      parts.push(part);
    }
    if (!parts.length || viewer.header.outside) return null;
    // The selection that is shown alone is no such filter.
    const { mask, count } = filters.passing("selection");
    return count === selection.count && mask.every((one, row) => one === selection.mask[row]) ? parts.join(" AND ") : null;
  }

  /** The columns of categories that have been read, and how a row's value is found. */
  #columns() {
    const { viewer } = this;
    return viewer.header.colorings.filter((one) => one.kind === "category" && viewer.codes[one.key]).map((one) => ({
      label: one.label, at: (row) => one.names[viewer.codes[one.key][row]] ?? null,
    }));
  }

  #position(row) {
    const { extent, grid } = this.viewer.maps.shown;
    const step = extent.width / 65535;
    return [extent.x + grid.x(row) * step, extent.y + grid.y(row) * step].map((v) => Number(v.toPrecision(6)));
  }
}
