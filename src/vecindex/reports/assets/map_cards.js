// The list of questions, and the cards of a picked question and of a picked article.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});
  const { el, given, count, percent } = parts;

  const MOST_LISTED = 200;
  const distance = (v) => v.toFixed(3);

  const kept_of = (question) => question.nearest.filter((one) => one.kept).length;
  const lost_of = (question) => question.nearest.filter((one) => !one.kept && one.row !== null).length;
  const outside_of = (question) => question.nearest.filter((one) => one.row === null).length;

  function meter(share) {
    const fill = el("i");
    fill.style.width = percent(share);
    return el("span", { class: "vmap-meter", "aria-hidden": "true" }, fill);
  }

  /** The list of questions. `told.pick(index)` when one is chosen. */
  class QuestionList {
    constructor(box, told) {
      this.box = box;
      this.told = told;
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
      const words = parts.fold(this.field.value).split(/\s+/).filter(Boolean);
      const all = this.questions.map((question, index) => ({ question, index }));
      const found = all.filter(({ question }) => {
        const text = parts.fold(`${question.text} ${question.id} ${question.topic ?? ""}`);
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
        items.push(el("li", {}, el("button", { type: "button", class: "vmap-plain", onclick: more }, "Show more")));
      }
      if (!found.length) items.push(el("li", { class: "vmap-note" }, "No question has these words."));
      this.list.replaceChildren(...items);
    }

    #item(question, index) {
      const told = `${kept_of(question)} of ${question.nearest.length} nearest articles are nearest on the map too`;
      return el(
        "li",
        {},
        el(
          "button",
          {
            type: "button", class: "vmap-item vmap-question", "data-index": index,
            "aria-pressed": String(index === this.picked), onclick: () => this.told.pick(index),
          },
          el("span", { class: "vmap-question-text" }, given(question.text)),
          el(
            "span",
            { class: "vmap-question-facts" },
            el("span", { class: "vmap-id" }, given(question.id)),
            el("span", { class: "vmap-overlap", title: told }, meter(question.overlap), percent(question.overlap)),
          ),
        ),
      );
    }
  }

  const FATES = { kept: "kept", lost: "lost", outside: "not on the map" };
  const fate_of = (one) => (one.row === null ? "outside" : one.kept ? "kept" : "lost");

  /** The card above the map. `told`: `title(row)`, `text(name, row)` a promise, `pick(row)`, `close()`. */
  class Card {
    constructor(box, told) {
      this.box = box;
      this.told = told;
      this.turn = 0;
    }

    hide() {
      this.turn++;
      this.box.hidden = true;
      this.box.replaceChildren();
    }

    #open(kind, ...children) {
      const close = el("button", { type: "button", class: "vmap-close", "aria-label": "Close", onclick: this.told.close }, "×");
      const had_focus = this.box.contains(document.activeElement);
      const top = el("div", { class: "vmap-card-top" }, el("p", { class: "vmap-kind" }, kind), close);
      this.box.replaceChildren(top, ...children.filter((child) => child !== null));
      this.box.hidden = false;
      this.box.scrollTop = 0;
      // What had the focus is gone with the old card.
      if (had_focus) close.focus({ preventScroll: true });
    }

    /** Put a text into an element when it is there, if this card is still the one. */
    async #later(element, text) {
      const { turn } = this;
      let found;
      try {
        found = await text;
      } catch {
        found = "(could not be read)";
      }
      if (turn === this.turn) element.textContent = found;
    }

    #articles(rows, facts) {
      return el(
        "ol",
        { class: "vmap-articles" },
        ...rows.map((row, i) => {
          const name = given("…");
          if (row === null) name.textContent = "an article that is not on the map";
          else this.#later(name, this.told.text("titles", row).then((title) => title || "(no title)"));
          const id = given("");
          if (row !== null) this.#later(id, this.#id_if_needed(row, rows));
          const inside = [el("span", {}, name, el("span", { class: "vmap-id vmap-below" }, id)), facts[i] ?? ""];
          if (row === null) return el("li", {}, el("div", { class: "vmap-item vmap-article" }, ...inside));
          return el(
            "li",
            {},
            el("button", { type: "button", class: "vmap-item vmap-article", "data-row": row, onclick: () => this.told.pick(row) }, ...inside),
          );
        }),
      );
    }

    /** The id of an article whose title another one of the list has too; "" otherwise. */
    async #id_if_needed(row, rows) {
      const titles = await Promise.all(rows.filter((one) => one !== null).map((one) => this.told.text("titles", one)));
      const mine = await this.told.text("titles", row);
      return titles.filter((title) => title === mine).length > 1 ? this.told.text("ids", row) : "";
    }

    /** Show an article: `value` what it is colored by, `near` the nearest on the map as {row, share}. */
    article(row, label, value, near, back) {
      this.turn++;
      const title = el("h3", {}), id = given(""), snippet = el("p", { class: "vmap-snippet", dir: "auto" });
      this.#open(
        "Article",
        title,
        el("p", { class: "vmap-id" }, id),
        snippet,
        el("dl", {}, el("dt", {}, given(label)), el("dd", {}, value === null ? "none" : given(value))),
        el("h4", {}, "Nearest on the map"),
        near.length ? this.#articles(near.map((one) => one.row), near.map(() => null)) : el("p", { class: "vmap-note" }, "No other article."),
        back ? el("button", { type: "button", class: "vmap-plain", onclick: back }, "Back to the question") : null,
      );
      const name = given("");
      title.append(name);
      this.#later(name, this.told.text("titles", row).then((text) => text || "(no title)"));
      this.#later(id, this.told.text("ids", row));
      this.#later(snippet, this.told.text("snippets", row));
    }

    /** Show a question with its nearest articles by embedding, and how they fared. */
    question(question, k) {
      this.turn++;
      const facts = question.nearest.map((one) => {
        const fate = fate_of(one);
        return el(
          "span",
          { class: "vmap-fate" },
          el("span", { class: `vmap-${fate}` }, FATES[fate]),
          el("span", { class: "vmap-dist", title: "cosine distance to the question, 0 is nearest" }, distance(one.dist)),
        );
      });
      const where = question.x === null ? [el("p", { class: "vmap-note" }, "None of its nearest articles is on the map, so it has no place there.")] : [];
      this.#open(
        "Question",
        el("h3", {}, given(question.text)),
        el("p", { class: "vmap-id" }, given(question.id), question.topic ? el("span", {}, " · ", given(question.topic)) : null),
        el("p", { class: "vmap-verdict" }, el("b", {}, percent(question.overlap)), ` of its ${question.nearest.length || k} nearest articles are its nearest on the map too.`),
        ...where,
        el("h4", {}, "Nearest by embedding"),
        this.#articles(question.nearest.map((one) => one.row), facts),
      );
    }
  }

  /** What the lines mean, with how many there are of each. */
  function line_key(question) {
    const mine = new Set(question.nearest.map((one) => one.row));
    const others = question.on_map.filter((row) => !mine.has(row)).length;
    const entry = (kind, name, n) => el("li", {}, el("i", { class: `vmap-key-${kind}`, "aria-hidden": "true" }), name, el("b", {}, ` ${n}`));
    const entries = [entry("kept", "nearest, kept on the map", kept_of(question)), entry("lost", "nearest, lost on the map", lost_of(question))];
    if (outside_of(question)) entries.push(entry("outside", "nearest, not on the map", outside_of(question)));
    if (others) entries.push(entry("other", "near on the map only", others));
    return entries;
  }

  Object.assign(parts, { QuestionList, Card, line_key });
}
