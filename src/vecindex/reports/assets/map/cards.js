// The list of questions, and the cards of a picked question and of a picked article.

import { element, given } from "../shared/dom.js";
import { count, percent } from "../shared/format.js";
import { promised } from "./lens.js";
import { fold } from "./search.js";
import { fitted, heading, titled } from "./titles.js";

const MOST_LISTED = 200;
const distance = (v) => v.toFixed(3);

const keptOf = (question) => question.nearest.filter((one) => one.kept).length;
const lostOf = (question) => question.nearest.filter((one) => !one.kept && one.row !== null).length;
const outsideOf = (question) => question.nearest.filter((one) => one.row === null).length;

function meter(share) {
  const fill = element("i");
  fill.style.width = `${Math.round(100 * share)}%`;
  return element("span", { class: "vmap-meter", "aria-hidden": "true" }, fill);
}

/** The list of questions. `on.pick(index)` when one is chosen. */
export class QuestionList {
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.list = box.querySelector(".vmap-questions");
    this.line = box.querySelector(".vmap-asked-count");
    this.field = box.querySelector(".vmap-asked-filter");
    this.sort = box.querySelector(".vmap-asked-sort");
    this.questions = [];
    this.limit = MOST_LISTED;
    this.picked = null;
    const again = () => {
      this.limit = MOST_LISTED;
      this.draw();
    };
    this.field.addEventListener("input", again);
    this.sort.addEventListener("change", again);
  }

  set(questions) {
    this.questions = questions;
    this.box.hidden = questions.length === 0;
    this.draw();
  }

  mark(index) {
    this.picked = index;
    for (const button of this.list.querySelectorAll("[data-index]")) {
      const on = Number(button.dataset.index) === index;
      button.setAttribute("aria-pressed", String(on));
      if (on) button.scrollIntoView({ block: "nearest" });
    }
  }

  #shown() {
    const words = fold(this.field.value).split(/\s+/).filter(Boolean);
    const all = this.questions.map((question, index) => ({ question, index }));
    const found = all.filter(({ question }) => {
      const text = fold(`${question.text} ${question.id} ${question.topic ?? ""}`);
      return words.every((word) => text.includes(word));
    });
    const sign = { low: 1, high: -1 }[this.sort.value];
    if (sign) found.sort((a, b) => sign * (a.question.overlap - b.question.overlap) || a.index - b.index);
    return found;
  }

  draw() {
    const found = this.#shown();
    const all = this.questions.length;
    this.line.textContent = found.length === all ? count(all) : `${count(found.length)} of ${count(all)}`;
    const items = found.slice(0, this.limit).map(({ question, index }) => this.#item(question, index));
    if (found.length > this.limit) {
      const more = () => {
        this.limit += MOST_LISTED;
        this.draw();
      };
      items.push(element("li", {}, element("button", { type: "button", class: "vmap-plain", onclick: more }, "Show more")));
    }
    if (!found.length) items.push(element("li", { class: "vmap-note" }, "No question has these words."));
    this.list.replaceChildren(...items);
  }

  #item(question, index) {
    const title = `${keptOf(question)} of its ${question.nearest.length} nearest articles are also nearest on the map`;
    return element(
      "li",
      {},
      element(
        "button",
        {
          type: "button", class: "vmap-item vmap-question", "data-index": index,
          "aria-pressed": String(index === this.picked), onclick: () => this.on.pick(index),
        },
        element("span", { class: "vmap-question-text" }, titled(question.text)),
        element(
          "span",
          { class: "vmap-question-facts" },
          element("span", { class: "vmap-id" }, given(question.id)),
          element("span", { class: "vmap-overlap", title }, meter(question.overlap), percent(question.overlap)),
        ),
      ),
    );
  }
}

const FATES = { kept: "kept", lost: "lost", outside: "not on the map" };
const fateOf = (one) => (one.row === null ? "outside" : one.kept ? "kept" : "lost");

/**
 * The card over the map. `on.text(name, row)` promises a text, `on.lens(question)` a lens or is null, `on.why(question)` are
 * sentences on what it loses; `on.pick(row)`,
 * `on.point(row | null)`, `on.close()`.
 */
export class Card {
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.turn = 0;
  }

  hide() {
    this.turn++;
    this.box.hidden = true;
    this.box.replaceChildren();
  }

  #open(kind, ...children) {
    const close = element("button", { type: "button", class: "vmap-close", "aria-label": "Close", onclick: this.on.close }, "×");
    const hadFocus = this.box.contains(document.activeElement);
    const top = element("div", { class: "vmap-card-top" }, element("p", { class: "vmap-kind" }, kind), close);
    this.box.replaceChildren(top, ...children.filter((child) => child !== null));
    this.box.hidden = false;
    this.box.scrollTop = 0;
    // The focused element of the old card is gone.
    if (hadFocus) close.focus({ preventScroll: true });
  }

  /** Put a promised text into an element, if this card is still shown. */
  async #later(target, text) {
    const { turn } = this;
    let found;
    try {
      found = await text;
    } catch {
      found = "(could not be read)";
    }
    if (turn === this.turn) target.textContent = found;
  }

  #articles(rows, facts = []) {
    return element(
      "ol",
      { class: "vmap-articles" },
      ...rows.map((row, i) => {
        const name = titled("…");
        if (row === null) name.textContent = "an article that is not on the map";
        else this.#later(name, this.on.text("titles", row).then((title) => title || "(no title)"));
        const id = given("");
        if (row !== null) this.#later(id, this.#idIfNeeded(row, rows));
        const inside = [element("span", {}, name, element("span", { class: "vmap-id vmap-below" }, id)), facts[i]];
        if (row === null) return element("li", {}, element("div", { class: "vmap-item vmap-article" }, ...inside));
        return element(
          "li",
          {},
          element("button", { type: "button", class: "vmap-item vmap-article", "data-row": row, onclick: () => this.on.pick(row) }, ...inside),
        );
      }),
    );
  }

  /** The id of an article whose title is not unique in the list; "" otherwise. */
  async #idIfNeeded(row, rows) {
    const titles = await Promise.all(rows.filter((one) => one !== null).map((one) => this.on.text("titles", one)));
    const mine = await this.on.text("titles", row);
    return titles.filter((title) => title === mine).length > 1 ? this.on.text("ids", row) : "";
  }

  /**
   * Show an article: `fields` are { label, value } with a promised value, `near` the nearest rows on the map, `around`
   * promises what its nearest ones by embedding are on the map (null where the page does not hold them).
   */
  article(row, fields, near, around, back) {
    this.turn++;
    const title = heading(), id = given(""), snippet = element("p", { class: "vmap-snippet", dir: "auto" });
    const values = fields.flatMap(({ label, value }) => {
      const shown = given("…");
      this.#later(shown, value);
      return [element("dt", {}, given(label)), element("dd", {}, shown)];
    });
    const lists = element("div", {}, element("h4", {}, "Nearest on the map"), near.length ? this.#articles(near) : element("p", { class: "vmap-note" }, "No other article."));
    this.#open(
      "Article",
      title,
      element("p", { class: "vmap-id" }, id),
      snippet,
      element("dl", {}, ...values),
      lists,
      back ? element("button", { type: "button", class: "vmap-plain", onclick: back }, "Back to the question") : null,
    );
    this.#later(title, this.on.text("titles", row).then((text) => text || "(no title)")).then(() => fitted(title));
    this.#later(id, this.on.text("ids", row));
    this.#later(snippet, this.on.text("snippets", row));
    this.#both(lists, around);
  }

  /** Show what is nearest by embedding next to what is nearest on the map, once it is read. */
  async #both(lists, around) {
    const { turn } = this;
    const found = await around;
    if (turn !== this.turn || !found?.nearest.length) return;
    const mine = new Set(found.nearest.map((one) => one.row));
    const kept = keptOf(found);
    const also = found.on_map.map((row) => element("span", { class: "vmap-fate" }, mine.has(row) ? element("span", { class: "vmap-kept" }, "by embedding too") : element("span", { class: "vmap-outside" }, "map only")));
    const fates = found.nearest.map((one) => element("span", { class: "vmap-fate" }, element("span", { class: `vmap-${fateOf(one)}` }, FATES[fateOf(one)])));
    lists.replaceChildren(
      element("h4", {}, "Nearest by embedding"),
      element("p", { class: "vmap-note" }, `${kept} of ${found.nearest.length} are also nearest on the map.`),
      this.#articles(found.nearest.map((one) => one.row), fates),
      element("h4", {}, "Nearest on the map"),
      this.#articles(found.on_map, also),
    );
  }

  #lens(question) {
    const lens = this.on.lens(question);
    if (lens === null) return [];
    const title = async ({ row }) => (row === null ? "an article that is not on the map" : (await this.on.text("titles", row)) || "(no title)");
    const pick = ({ row }) => { if (row !== null) this.on.pick(row); };
    return [element("h4", {}, "Lens"), promised(question.text, lens, { title, pick, point: (one) => this.on.point(one?.row ?? null) })];
  }

  #why(question) {
    const found = this.on.why(question);
    return found.length ? [element("ul", { class: "vmap-why", "aria-label": "Why" }, ...found.map((text) => element("li", {}, text)))] : [];
  }

  /** Show a question with its nearest articles by embedding, and which of them the map keeps. */
  question(question, k) {
    this.turn++;
    const facts = question.nearest.map((one) => {
      const fate = fateOf(one);
      return element(
        "span",
        { class: "vmap-fate" },
        element("span", { class: `vmap-${fate}` }, FATES[fate]),
        element("span", { class: "vmap-dist", title: "cosine distance to the question, 0 is nearest" }, distance(one.dist)),
      );
    });
    const title = heading(question.text);
    const where = question.x === null ? [element("p", { class: "vmap-note" }, "None of its nearest articles is on the map, so it has no position there.")] : [];
    this.#open(
      "Question",
      title,
      element("p", { class: "vmap-id" }, given(question.id), question.topic ? element("span", {}, " · ", given(question.topic)) : null),
      element("p", { class: "vmap-verdict" }, element("b", {}, percent(question.overlap)), ` of its ${question.nearest.length || k} nearest articles are also nearest on the map.`),
      ...where,
      ...this.#why(question),
      ...this.#lens(question),
      element("h4", {}, "Nearest by embedding"),
      this.#articles(question.nearest.map((one) => one.row), facts),
    );
    fitted(title);
  }
}

/** The meaning of the lines, with the number of each. */
export function lineKey(question) {
  const mine = new Set(question.nearest.map((one) => one.row));
  const others = question.on_map.filter((row) => !mine.has(row)).length;
  const entry = (kind, name, n) => element("li", {}, element("i", { class: `vmap-key-${kind}`, "aria-hidden": "true" }), name, element("b", {}, ` ${n}`));
  const entries = [entry("kept", "nearest, kept on the map", keptOf(question)), entry("lost", "nearest, lost on the map", lostOf(question))];
  if (outsideOf(question)) entries.push(entry("outside", "nearest, not on the map", outsideOf(question)));
  if (others) entries.push(entry("other", "near on the map only", others));
  return entries;
}
