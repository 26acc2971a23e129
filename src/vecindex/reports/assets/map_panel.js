// What stands beside the map: what map it is, the search box, the legend.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});

  const MOST_RESULTS = 50;
  const count = (n) => n.toLocaleString("en-US");
  const number = (v) => {
    const size = Math.abs(v);
    // Up to four digits as they are: they may be years.
    if (size >= 1000) return size < 10000 ? String(Math.round(v)) : Math.round(v).toLocaleString("en-US");
    return String(Number(v.toPrecision(3)));
  };
  const percent = (v) => `${Math.round(100 * v)}%`;

  /** An element with attributes; children that are text are only ever text. */
  function el(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }
  /** A text of the user's data: its direction of writing does not reach what stands beside it. */
  const given = (text) => el("bdi", {}, text);

  function day(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) return text;
    return at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  }

  /** What map it is: its name and table, method, day, articles, scores, and what it is anchored to. */
  function fill_strip(strip, header) {
    const things = `${header.by ?? "article"}s`;
    const facts = [el("span", {}, el("b", {}, count(header.shown)), ` ${things}`)];
    if (header.outside) facts.push(el("span", {}, `${count(header.outside)} not on this map`));
    if (header.method) facts.push(el("span", {}, "method ", given(header.method)));
    if (header.made) facts.push(el("time", { datetime: header.made, title: header.made }, day(header.made)));
    for (const score of header.scores ?? []) {
      const known = score.low !== null && score.low !== undefined && score.high !== null && score.high !== undefined;
      const between = known ? `, between ${percent(score.low)} and ${percent(score.high)} by its interval` : "";
      facts.push(
        el(
          "span",
          { title: `${score.name}: ${percent(score.mean)}${between}` },
          given(score.name), " ", el("b", {}, percent(score.mean)),
          known ? el("span", { class: "vmap-between" }, ` ${percent(score.low)}–${percent(score.high)}`) : null,
        ),
      );
    }
    strip.replaceChildren(
      el("p", { class: "vmap-name" }, given(header.table), el("span", { class: "vmap-map" }, "map “", given(header.map), "”")),
      el("p", { class: "vmap-facts" }, ...facts),
      ...(header.anchored ? [el("p", { class: "vmap-badge" }, given(header.anchored))] : []),
    );
  }

  /** The legend of a coloring. `told.only(set)` gets the codes that are to be shown, null for all. */
  class Legend {
    constructor(box, told) {
      this.box = box;
      this.told = told;
      this.only = null;
    }

    set(coloring, codes) {
      this.coloring = coloring;
      this.only = null;
      this.tally = new Uint32Array(256);
      for (const code of codes) this.tally[code]++;
    }

    /** Draw it in colors, [r, g, b] by code. */
    draw(colors) {
      const { coloring, box } = this;
      const made = coloring.kind === "number" ? this.#number(colors) : this.#categories(colors);
      box.replaceChildren(...made);
      this.#mark();
    }

    #swatch(color) {
      const swatch = el("i", { class: "vmap-swatch", "aria-hidden": "true" });
      swatch.style.background = parts.hex(color);
      return swatch;
    }

    #entry(code, name, color) {
      const known = this.coloring.counts?.[code] ?? this.tally[code];
      return el(
        "li",
        {},
        el(
          "button",
          { type: "button", class: "vmap-entry", "data-code": code, "aria-pressed": "false", onclick: () => this.toggle(code) },
          this.#swatch(color),
          el("span", { class: "vmap-entry-name" }, code === 255 ? name : given(name)),
          el("span", { class: "vmap-n" }, count(known)),
        ),
      );
    }

    #note() {
      return this.coloring.note ? [el("p", { class: "vmap-note" }, given(this.coloring.note))] : [];
    }

    #categories(colors) {
      const entries = this.coloring.names.map((name, code) => this.#entry(code, name === "" ? "(empty)" : name, colors[code]));
      if (this.tally[255]) entries.push(this.#entry(255, "none", colors[255]));
      this.all = el("button", { type: "button", class: "vmap-plain", hidden: true, onclick: () => this.show(null) }, "Show all");
      return [...this.#note(), el("ul", { class: "vmap-entries" }, ...entries), this.all];
    }

    #number(colors) {
      const { coloring } = this;
      const bars = el("div", { class: "vmap-bars", "aria-hidden": "true" });
      const sums = new Array(51).fill(0);
      for (let code = 0; code < 255; code++) sums[Math.floor(code / 5)] += this.tally[code];
      const most = Math.max(1, ...sums);
      sums.forEach((sum, i) => {
        const bar = el("i");
        bar.style.height = sum ? `${Math.max(3, (100 * sum) / most)}%` : "0";
        bar.style.background = parts.hex(colors[Math.min(254, 5 * i + 2)]);
        bars.append(bar);
      });
      const line = el("div", { class: "vmap-ramp" });
      const stops = Array.from({ length: 18 }, (_, i) => parts.hex(colors[Math.round((254 * i) / 17)]));
      line.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
      this.all = null;
      const none = this.tally[255]
        ? [el("p", { class: "vmap-note" }, this.#swatch(colors[255]), `none: ${count(this.tally[255])}`)]
        : [];
      const ends = el("p", { class: "vmap-ends" }, el("span", {}, number(coloring.low)), el("span", {}, number(coloring.high)));
      return [bars, line, ends, ...this.#note(), ...none];
    }

    /** Show only this one, or this one too, or no longer. */
    toggle(code) {
      const only = new Set(this.only ?? []);
      if (!only.delete(code)) only.add(code);
      this.show(only.size ? only : null);
    }

    show(only) {
      this.only = only;
      this.#mark();
      this.told.only(only);
    }

    #mark() {
      for (const button of this.box.querySelectorAll(".vmap-entry")) {
        const on = this.only?.has(Number(button.dataset.code)) ?? false;
        button.setAttribute("aria-pressed", String(on));
        button.classList.toggle("vmap-off", this.only !== null && !on);
      }
      if (this.all) this.all.hidden = this.only === null;
    }

    /** What a code means, as text; null for none. */
    value(code) {
      const { coloring } = this;
      if (code === 255) return null;
      if (coloring.kind === "category") return coloring.names[code];
      const { low, high } = coloring, part = code / 254;
      const value = number(coloring.scale === "log" ? low * (high / low) ** part : low + (high - low) * part);
      if (code === 0) return `${value} or less`;
      return code === 254 ? `${value} or more` : value;
    }
  }

  /** The search box. `told`: `find(text)` returns {rows, best} or null while titles are not there; `go(row)`, `marked(rows)`. */
  class SearchBox {
    constructor(root, told) {
      this.told = told;
      this.root = root;
      this.field = root.querySelector(".vmap-search");
      this.line = root.querySelector(".vmap-found");
      this.list = root.querySelector(".vmap-results");
      this.best = [];
      this.field.addEventListener("input", () => this.run());
      this.field.addEventListener("keydown", (event) => this.#key(event));
      this.list.addEventListener("keydown", (event) => this.#key(event));
    }

    get text() {
      return this.field.value.trim();
    }

    clear() {
      this.field.value = "";
      this.run();
    }

    run() {
      const found = this.text ? this.told.find(this.text) : { rows: [], best: [] };
      this.root.classList.toggle("vmap-searching", this.text !== "");
      if (found === null) {
        this.line.textContent = "Reading the titles…";
        this.list.replaceChildren();
        return;
      }
      const { rows, best, titles } = found;
      this.best = best;
      const cut = rows.length > best.length ? `, the first ${best.length} are listed` : "";
      this.line.textContent = !this.text ? "" : rows.length ? `${count(rows.length)} found${cut}` : "No title has these words.";
      this.list.replaceChildren(...best.map((row, i) => this.#item(row, titles[i], titles.filter((one) => one === titles[i]).length)));
      this.told.marked(this.text ? rows : null);
    }

    #item(row, title, times) {
      const item = el("button", { type: "button", class: "vmap-item", "data-row": row, onclick: () => this.told.go(row) }, given(title));
      // Several of one title are told apart by their ids.
      if (times > 1) {
        const id = given("");
        item.append(el("span", { class: "vmap-id vmap-below" }, id));
        this.told.id(row).then((text) => (id.textContent = text), () => {});
      }
      return el("li", {}, item);
    }

    #key(event) {
      const buttons = [...this.list.querySelectorAll("button")];
      const at = buttons.indexOf(document.activeElement);
      if (event.key === "Enter" && event.target === this.field && this.best.length) this.told.go(this.best[0]);
      else if (event.key === "ArrowDown" && buttons.length) buttons[Math.min(buttons.length - 1, at + 1)].focus();
      else if (event.key === "ArrowUp" && at >= 0) (at === 0 ? this.field : buttons[at - 1]).focus();
      else if (event.key === "Escape" && this.text) {
        this.clear();
        this.field.focus();
        event.stopPropagation();
      } else return;
      event.preventDefault();
    }
  }

  Object.assign(parts, { el, given, count, number, percent, fill_strip, Legend, SearchBox, MOST_RESULTS });
}
