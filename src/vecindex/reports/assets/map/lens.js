// The lens of a question: the question in the middle, its nearest articles around it, the farther the farther.

import { element, given } from "../shared/dom.js";
import { percent } from "../shared/format.js";

const FIRST = 5;
const RINGS = [1, FIRST, 10, 20, 50, 100];
// The radius of the nearest article; the farthest is at 1.
const INNER = 0.25;
const FULL = 65535, NOWHERE = 0xffffffff;
// The part of the box from its middle to its edge that the farthest article is at.
const REACH = 0.92;
// CSS pixels around an article that still count as the article.
const FINGER = 14;
// CSS pixels that a title may extend beyond the box.
const EDGE = 18;
const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/**
 * An article of a lens: `row` of the map's sections or null, `x`, `y` from -1 to 1, `dist` to the question, `near` the
 * ranks of those nearest to it, and its `title` where it is known.
 *
 * @typedef {{ rank: number, row: number | null, x: number, y: number, dist: number, near: number[], title?: string }} Article
 */

/**
 * The articles of a lens, from the section "lenses"; docs/map-page.md describes its form.
 *
 * @param {Uint8Array} bytes
 * @param {number} index of the question
 * @param {{ articles: number, near: number, dist: number[] }} about the lens in the header
 * @returns {Article[]}
 */
export function decoded(bytes, index, { articles, near, dist }) {
  const size = articles * (8 + near);
  const view = new DataView(bytes.buffer, bytes.byteOffset + index * size, size);
  return Array.from({ length: articles }, (_, i) => {
    const row = view.getUint32(4 * i, true);
    const [x, y] = [0, 2].map((at) => (2 * view.getUint16(4 * articles + 4 * i + at, true)) / FULL - 1);
    const ranks = Array.from({ length: near }, (_, j) => view.getUint8(8 * articles + near * i + j) + 1);
    const far = Math.max(0, Math.hypot(x, y) - INNER) / (1 - INNER);
    return { rank: i + 1, row: row === NOWHERE ? null : row, x, y, dist: dist[0] + far * (dist[1] - dist[0]), near: ranks };
  });
}

/** Promise the lens of one of a map's questions; null where it has none. */
export function lensOf(source, header, question) {
  const { lens } = question;
  if (!lens) return null;
  const index = header.questions.indexOf(question);
  const found = source.section("lenses").then((bytes) => decoded(bytes, index, lens));
  return found.then((articles) => ({ articles, tied: lens.tied, mutual: lens.mutual_recall }));
}

/** What a lens keeps, in a sentence. */
export function verdict(articles, tied, mutual) {
  const first = Math.min(FIRST, articles.length);
  const more = tied ? ` (${tied} more are as near as the fifth)` : "";
  const kept = mutual === null ? "" : ` An article keeps ${percent(mutual)} of its ${FIRST} nearest of those shown.`;
  const key = "Larger points are the nearest, numbers the ranks of the articles on the rings.";
  return `${first} of its ${first} nearest are its ${first} nearest here${more}.${kept} ${key}`;
}

/** Where a coordinate is in the box, from 0 to 1. */
const share = (v) => 0.5 + 0.5 * REACH * v;

function put(made, x, y) {
  made.style.left = `${100 * share(x)}%`;
  made.style.top = `${100 * share(-y)}%`;
  return made;
}

/** A lens as an element. `on.title(article)` promises a title; `on.pick(article)`; `on.point(article | null)`. */
export class Lens {
  /**
   * @param {string} name of the question
   * @param {Article[]} articles nearest first; at least one
   */
  constructor(name, articles, tied, mutual, on) {
    this.name = name;
    this.articles = articles;
    this.on = on;
    this.titles = articles.map(() => "…");
    this.points = articles.map((one) => this.#point(one));
    this.lines = element("div", { class: "vmap-lens-lines", "aria-hidden": "true" });
    this.line = element("p", { class: "vmap-lens-line" });
    this.middle = element("span", { class: "vmap-lens-question", "aria-hidden": "true" });
    this.box = element(
      "div",
      { class: "vmap-lens-box", role: "group", "aria-label": "Lens: its nearest articles around it. Arrow keys go from one to the next, Enter opens one.", onkeydown: (event) => this.#key(event), onmousemove: (event) => this.#show(this.#nearest(event)), onclick: (event) => this.#pick(this.#nearest(event)), onmouseleave: () => this.#show(null) },
      ...this.#rings(),
      this.lines,
      this.middle,
      // The nearest on top.
      ...[...this.points].reverse(),
    );
    const larger = element("button", { type: "button", class: "vmap-plain vmap-lens-larger", onclick: () => this.#enlarge() }, "Enlarge");
    this.content = element("div", { class: "vmap-lens-content" }, this.line, this.box, element("p", { class: "vmap-note" }, verdict(articles, tied, mutual)));
    this.element = element("div", { class: "vmap-lens" }, this.content, larger);
    this.points[0].tabIndex = 0;
    this.#show(null);
    this.#read();
  }

  async #read() {
    await Promise.all(this.articles.map(async (one, i) => {
      try {
        this.titles[i] = await this.on.title(one);
      } catch {
        this.titles[i] = "(its title could not be read)";
      }
      this.points[i].setAttribute("aria-label", `${one.rank}: ${this.titles[i]}, distance ${one.dist.toFixed(3)}`);
      this.points[i].querySelector("span").replaceChildren(given(this.titles[i]));
    }));
    this.#labels();
  }

  #point(one) {
    const rank = one.rank - 1;
    return put(
      element(
        "button",
        {
          type: "button", tabindex: "-1", "data-rank": one.rank,
          class: `vmap-lens-point${rank < FIRST ? " vmap-lens-first" : ""}`,
          "aria-label": `${one.rank}`,
          onfocus: () => this.#show(rank), onblur: () => this.#show(null),
          // Of the keyboard; the pointer meets the box, which knows what is nearest.
          onclick: (event) => { event.stopPropagation(); this.#pick(rank); },
        },
        element("span", { "aria-hidden": "true" }),
      ),
      one.x, one.y,
    );
  }

  #rings() {
    const last = this.articles.length;
    return [...new Set([...RINGS.filter((rank) => rank < last), last])].flatMap((rank) => {
      const one = this.articles[rank - 1];
      if (!one) return [];
      const radius = Math.hypot(one.x, one.y);
      const ring = put(element("div", { class: "vmap-lens-ring", "aria-hidden": "true" }), 0, 0);
      ring.style.width = ring.style.height = `${100 * REACH * radius}%`;
      return [ring, put(element("span", { class: "vmap-lens-rank", "aria-hidden": "true" }, String(rank)), 0, radius)];
    });
  }

  #key(event) {
    const at = this.points.indexOf(document.activeElement);
    const step = KEYS[event.key];
    const last = this.points.length - 1;
    const to = event.key === "Home" ? 0 : event.key === "End" ? last : step ? Math.min(last, Math.max(0, at + step)) : null;
    if (at < 0 || to === null) return;
    event.preventDefault();
    this.points[at].tabIndex = -1;
    this.points[to].tabIndex = 0;
    this.points[to].focus({ preventScroll: true });
  }

  /** The index of the article nearest to the pointer; null where none is near. */
  #nearest({ clientX, clientY }) {
    const { left, top, width, height } = this.box.getBoundingClientRect();
    const x = (clientX - left) / width, y = (clientY - top) / height;
    let best = null, least = (FINGER / width) ** 2;
    this.articles.forEach((one, i) => {
      const square = (x - share(one.x)) ** 2 + (y - share(-one.y)) ** 2;
      if (square < least) [best, least] = [i, square];
    });
    return best;
  }

  /** Show what an article is, and join it to those nearest to it; null for none. */
  #show(index) {
    if (index === this.shown) return;
    this.shown = index;
    const { articles } = this;
    const one = articles[index] ?? null;
    this.box.style.cursor = one ? "pointer" : "";
    this.line.replaceChildren(...(one ? this.#facts(index) : [this.#scale()]));
    this.lines.replaceChildren(...(one?.near ?? []).map((rank) => this.#joined(one, articles[rank - 1])));
    this.points.forEach((point, i) => {
      point.classList.toggle("vmap-lens-near", one !== null && one.near.includes(i + 1));
      point.classList.toggle("vmap-lens-shown", i === index);
    });
    this.on.point?.(one);
  }

  #facts(index) {
    const { rank, dist } = this.articles[index];
    return [element("b", {}, `${rank} `), given(this.titles[index]), element("span", { class: "vmap-dist" }, ` ${dist.toFixed(3)}`)];
  }

  #scale() {
    const [first, last] = [this.articles[0], this.articles.at(-1)].map((one) => one.dist.toFixed(3));
    return `The farther from the middle, the farther by embedding: distance ${first} to ${last}.`;
  }

  #joined(one, other) {
    const made = put(element("i"), one.x, one.y);
    made.style.width = `${50 * REACH * Math.hypot(other.x - one.x, other.y - one.y)}%`;
    made.style.transform = `rotate(${Math.atan2(one.y - other.y, other.x - one.x)}rad)`;
    return made;
  }

  #pick(index) {
    if (index === null) return;
    this.dialog?.close();
    this.on.pick(this.articles[index]);
  }

  /** Show the same lens in a window of its own, with as many titles as there is room for. */
  #enlarge() {
    const close = element("button", { type: "button", class: "vmap-close", "aria-label": "Close", onclick: () => this.dialog.close() }, "×");
    this.dialog = element("dialog", { class: "vmap-lens-dialog", "aria-label": "Lens" }, close, element("h3", {}, given(this.name)), this.content);
    // The page's own Escape would close the card as well.
    this.dialog.addEventListener("keydown", (event) => { if (event.key === "Escape") event.stopPropagation(); });
    this.dialog.addEventListener("close", () => {
      this.element.prepend(this.content);
      this.dialog.remove();
      this.dialog = null;
      this.#labels();
    });
    this.element.append(this.dialog);
    this.dialog.showModal();
    this.#labels();
  }

  /** Write the titles that overlap no other one, the nearest first; none where the lens is small. */
  #labels() {
    const taken = [];
    const free = (box, own) => taken.every(([other, by]) => by === own || box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom);
    const whole = this.box.getBoundingClientRect();
    for (const point of this.points) taken.push([point.getBoundingClientRect(), point]);
    taken.push([this.middle.getBoundingClientRect(), null]);
    for (const point of this.points) {
      const label = point.querySelector("span");
      point.classList.remove("vmap-lens-left", "vmap-lens-named");
      if (!this.dialog) continue;
      point.classList.add("vmap-lens-named");
      for (const left of [false, true]) {
        point.classList.toggle("vmap-lens-left", left);
        const box = label.getBoundingClientRect();
        if (box.left >= whole.left - EDGE && box.right <= whole.right + EDGE && free(box, point)) {
          taken.push([box, null]);
          break;
        }
        if (left) point.classList.remove("vmap-lens-named", "vmap-lens-left");
      }
    }
  }
}

/** An element that holds a promised lens, or says why there is none. */
export function promised(name, lens, on) {
  const box = element("div", { class: "vmap-lens-promised" }, element("p", { class: "vmap-note" }, "…"));
  lens.then(
    ({ articles, tied, mutual }) => box.replaceChildren(new Lens(name, articles, tied, mutual, on).element),
    (error) => box.replaceChildren(element("p", { class: "vmap-note" }, `The lens could not be read: ${error.message ?? error}`)),
  );
  return box;
}
