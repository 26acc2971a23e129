// The legend: what the colors mean, and which of them are shown.
import { element, given } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { hex } from "./colors.js";
import { endsOf, textOf, valueOf } from "./values.js";
import { Brush } from "./work/brush.js";

/** The legend of a coloring. `on.only(set)` gets the codes that are to be shown, null for all. */
export class Legend {
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.only = null;
  }

  /** Show a coloring, of which only some codes may be shown; null for all. */
  set(coloring, codes, only = null) {
    this.coloring = coloring;
    this.only = only;
    this.tally = new Uint32Array(256);
    for (const code of codes) this.tally[code]++;
    this.passing = this.tally;
  }

  /** Show which codes are shown, and how many points have each of those that meet the other conditions. */
  recount(only, passing) {
    this.only = only;
    this.passing = passing;
    this.#mark();
    this.#count();
  }

  /** Draw it in these colors, [r, g, b] by code. */
  draw(colors) {
    const { coloring, box } = this;
    this.bars = [];
    this.all = element("button", { type: "button", class: "vmap-plain", hidden: true, onclick: () => this.#showAll() }, "Show all");
    const made = coloring.kind === "number" ? this.#number(colors) : this.#categories(colors);
    this.brush?.stop();
    box.replaceChildren(...made);
    this.#mark();
    this.#count();
  }

  #swatch(color) {
    const swatch = element("i", { class: "vmap-swatch", "aria-hidden": "true" });
    swatch.style.background = hex(color);
    return swatch;
  }

  #entry(code, name, color) {
    const known = this.coloring.counts?.[code] ?? this.tally[code];
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", class: "vmap-entry", "data-code": code, "aria-pressed": "false", title: name, onclick: () => this.toggle(code) },
        this.#swatch(color),
        element("span", { class: "vmap-entry-name", dir: "auto" }, name),
        element("span", { class: "vmap-n" }, count(known)),
      ),
    );
  }

  #note() {
    return this.coloring.note ? [element("p", { class: "vmap-note" }, given(this.coloring.note))] : [];
  }

  #categories(colors) {
    const entries = this.coloring.names.map((_, code) => this.#entry(code, this.value(code), colors[code]));
    if (this.tally[255]) entries.push(this.#entry(255, "none", colors[255]));
    return [...this.#note(), element("ul", { class: "vmap-entries" }, ...entries), this.all];
  }

  #number(colors) {
    const { coloring } = this;
    const bars = element("div", { class: "vmap-bars", "aria-hidden": "true" });
    const sums = new Array(51).fill(0);
    for (let code = 0; code < 255; code++) sums[Math.floor(code / 5)] += this.tally[code];
    const most = Math.max(1, ...sums);
    sums.forEach((sum, i) => {
      const bar = element("i");
      bar.style.height = sum ? `${Math.max(3, (100 * sum) / most)}%` : "0";
      bar.style.setProperty("--bar", hex(colors[Math.min(254, 5 * i + 2)]));
      bars.append(bar);
      this.bars.push(bar);
    });
    this.sums = sums;
    const range = (first, last) => {
      const only = first === null ? null : new Set(Array.from({ length: last - first + 1 }, (_, i) => first + i));
      this.only = only;
      this.#mark();
      this.on.only(only);
    };
    this.brush = new Brush(bars, coloring.label, { range, ends: (first, last) => endsOf(coloring, first, last), ready: () => this.on.ready?.() ?? true });
    const line = element("div", { class: "vmap-ramp" });
    const stops = Array.from({ length: 18 }, (_, i) => hex(colors[Math.round((254 * i) / 17)]));
    line.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    const none = this.tally[255]
      ? [element("p", { class: "vmap-note" }, this.#swatch(colors[255]), `none: ${count(this.tally[255])}`)]
      : [];
    const ends = element("p", { class: "vmap-ends" }, element("span", {}, this.#text(coloring.low)), element("span", {}, this.#text(coloring.high)));
    return [this.brush.element, line, ends, this.brush.foot, ...this.#note(), ...none, this.all];
  }

  /** Write how many points meet the other conditions. */
  #count() {
    if (!this.passing) return;
    for (const button of this.box.querySelectorAll(".vmap-entry")) {
      const code = Number(button.dataset.code);
      const whole = this.passing === this.tally ? this.coloring.counts?.[code] : null;
      button.lastElementChild.textContent = count(whole ?? this.passing[code]);
      button.classList.toggle("vmap-nothing", this.passing[code] === 0);
    }
    this.bars.forEach((bar, i) => {
      let sum = 0;
      for (let code = 5 * i; code < 5 * i + 5 && code < 255; code++) sum += this.passing[code];
      bar.style.setProperty("--part", `${this.sums[i] ? (100 * sum) / this.sums[i] : 0}%`);
    });
  }

  /** Add a code to those that are shown alone, or remove it. */
  toggle(code) {
    const only = new Set(this.only ?? []);
    if (!only.delete(code)) only.add(code);
    this.show(only.size ? only : null);
  }

  show(only) {
    this.only = only;
    this.#mark();
    this.on.only(only);
  }

  /** The button hides; the keyboard goes on at the first entry. */
  #showAll() {
    this.show(null);
    this.focus();
  }

  /** Its first entry, or the lower end of its range, is reached next. */
  focus() {
    this.box.querySelector("button, input")?.focus({ preventScroll: true });
  }

  #mark() {
    for (const button of this.box.querySelectorAll(".vmap-entry")) {
      const on = this.only?.has(Number(button.dataset.code)) ?? false;
      button.setAttribute("aria-pressed", String(on));
      button.classList.toggle("vmap-off", this.only !== null && !on);
    }
    if (this.all) this.all.hidden = this.only === null;
    if (this.coloring.kind !== "number" || !this.brush) return;
    const codes = this.only && [...this.only].filter((code) => code !== 255);
    this.brush.mark(...(codes?.length ? [Math.min(...codes), Math.max(...codes)] : [null, null]));
  }

  /** The meaning of a code as text; null for none. */
  value(code) {
    return valueOf(this.coloring, code);
  }

  /** A number, or a date, of a coloring as text. */
  #text(value) {
    return textOf(this.coloring, value);
  }
}
