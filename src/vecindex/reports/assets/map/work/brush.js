// A range of a histogram, chosen by dragging over it or by two sliders, and played from its one end to the other.

import { element } from "../../shared/dom.js";

export const LAST = 254;
const NOT_A_DRAG = 4;
// The part of the histogram that is played where no range was chosen.
const PLAYED = 25;
const TICK_MS = 80, STEP = 1;
const CALM_MS = 600, CALM_STEP = 13;

/**
 * `on.range(first, last)` gets codes, null twice for all, once `on.ready()`, whether the one before has been drawn;
 * `on.ends(first, last)` are the two ends of a range as text.
 */
export class Brush {
  /**
   * @param {any} bars the histogram
   * @param {string} label of what is in it
   * @param {any} on
   */
  constructor(bars, label, on) {
    this.on = on;
    /** The codes of the range, null for all. @type {number | null} */
    this.first = null;
    /** @type {number | null} */
    this.last = null;
    this.off = [element("i", { class: "vmap-brush-off" }), element("i", { class: "vmap-brush-off" })];
    this.ends = ["Lowest", "Highest"].map((name, i) => element("input", {
      type: "range", min: "0", max: String(LAST), step: "1", class: "vmap-brush-end", "aria-label": `${name} ${label}`, oninput: () => this.#slid(i),
    }));
    this.line = element("span", { class: "vmap-brush-line" });
    this.play = element("button", { type: "button", class: "vmap-small", onclick: () => (this.timer ? this.stop() : this.#start()) }, "Play");
    this.play.setAttribute("aria-label", `Play ${label}`);
    this.area = element("div", { class: "vmap-brush-area", title: "Drag to choose a range" }, bars, ...this.off);
    this.element = element("div", { class: "vmap-brush" }, this.area, ...this.ends);
    this.foot = element("p", { class: "vmap-brush-foot" }, this.line, this.play);
    this.#drag();
    this.mark(null, null);
  }

  /** Show a range; null for all. */
  mark(first, last) {
    [this.first, this.last] = [first, last];
    const ends = [first ?? 0, last ?? LAST];
    const texts = this.on.ends(...ends);
    ends.forEach((code, i) => {
      this.ends[i].value = String(code);
      this.ends[i].setAttribute("aria-valuetext", texts[i]);
    });
    this.off[0].style.width = `${(100 * ends[0]) / (LAST + 1)}%`;
    this.off[1].style.width = `${(100 * (LAST - ends[1])) / (LAST + 1)}%`;
    this.line.textContent = first === null ? "" : texts.join(" to ");
  }

  #choose(first, last) {
    const all = first === 0 && last === LAST;
    this.mark(all ? null : first, all ? null : last);
    if (!this.waiting) this.#wait();
  }

  /** Not more often than it can be drawn. */
  #wait() {
    this.waiting = requestAnimationFrame(() => {
      this.waiting = null;
      // The page may have drawn another histogram since, of another field.
      if (!this.element.isConnected) return;
      if (!this.on.ready()) return this.#wait();
      this.on.range(this.first, this.last);
    });
  }

  #slid(i) {
    this.stop();
    let [first, last] = this.ends.map((end) => Number(end.value));
    if (first > last) [first, last] = i ? [last, last] : [first, first];
    this.#choose(first, last);
  }

  #drag() {
    const { area } = this;
    const codeAt = ({ clientX }) => {
      const { left, width } = area.getBoundingClientRect();
      return Math.min(LAST, Math.max(0, Math.floor(((clientX - left) / width) * (LAST + 1))));
    };
    let from = null, shift = null, moved = false;
    area.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.stop();
      area.setPointerCapture(event.pointerId);
      const code = codeAt(event);
      moved = false;
      from = { code, x: event.clientX };
      // A range that was chosen is moved.
      shift = this.first !== null && code >= this.first && code <= this.last ? [this.first, this.last] : null;
      event.preventDefault();
    });
    area.addEventListener("pointermove", (event) => {
      if (!from || (!moved && Math.abs(event.clientX - from.x) < NOT_A_DRAG)) return;
      moved = true;
      const code = codeAt(event);
      if (shift) {
        const by = Math.min(LAST - shift[1], Math.max(-shift[0], code - from.code));
        this.#choose(shift[0] + by, shift[1] + by);
      } else this.#choose(Math.min(from.code, code), Math.max(from.code, code));
    });
    const up = (event) => {
      if (from && !moved && event.type === "pointerup") this.#choose(0, LAST);
      from = null;
    };
    area.addEventListener("pointerup", up);
    area.addEventListener("pointercancel", up);
  }

  #start() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const width = this.first === null ? PLAYED : this.last - this.first;
    const step = calm ? CALM_STEP : STEP;
    let first = this.first === null || this.last === LAST ? -step : this.first;
    this.play.textContent = "Pause";
    this.timer = setInterval(() => {
      // The page may have drawn another histogram since.
      if (!this.element.isConnected) return this.stop();
      first = Math.min(first + step, LAST - width);
      this.#choose(first, first + width);
      if (first + width >= LAST) this.stop();
    }, calm ? CALM_MS : TICK_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
  }
}
