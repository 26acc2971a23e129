// Questions asked of the live table: answers, marks on the map, and those asked before.
import { byId, element, given } from "../shared/dom.js";
import { count, percent } from "../shared/format.js";
import { json } from "./api.js";
import { lensOf } from "./lens.js";
import { neighborList } from "./neighbors.js";

const AGAIN_MS = 700;

export class Asking {
  /**
   * @param {any} now the snapshot, the map and its header that the page shows
   * @param {any} on `viewer()`, null without a map; `among()`, the condition or null; `reload(askAgain)`; `show(id, row)`,
   * `close()` and `panel()` of an article; `say(id, text, wrong)`
   */
  constructor(now, on) {
    this.now = now;
    this.on = on;
    this.asked = [];
    /** Marks on the map: of the file's questions, and of those asked since. @type {Map<string, number>} */
    this.marks = new Map();
    this.answered = null;
    this.quiet = false;
    this.turn = 0;
    byId("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      const words = byId("question").value.trim();
      if (words) this.ask(words, on.among());
      else on.say("ask-message", "Type a question first.", true);
    });
  }

  async ask(words, where, twice = false) {
    const { now, on } = this;
    const mine = ++this.turn;
    on.say("ask-message", "Asking …");
    on.viewer()?.address.asks(words);
    byId("ask").setAttribute("aria-busy", "true");
    const watch = setInterval(async () => {
      try {
        const version = await json("/api/version");
        if (mine === this.turn && version.model.state === "loading") {
          on.say("ask-message", "Loading the model; only the first question waits for it …");
        }
      } catch { /* the question itself reports it */ }
    }, AGAIN_MS);
    try {
      const alongside = now.header !== null && now.header.alongside.length > 0;
      const found = await json("/api/questions", { text: words, map: now.map, where, edition: now.edition, alongside });
      if (mine !== this.turn) return;
      this.#remember(found);
      const viewer = on.viewer();
      if (viewer) viewer.asking = null;
      on.close();
      this.#answer(found);
      this.#mark(found);
      on.say("ask-message", found.notes.join(" "));
    } catch (error) {
      if (mine !== this.turn) return;
      if (error.status === 409 && !twice) {
        on.say("ask-message", "The table has changed; reading the map again …");
        await on.reload(false);
        if (mine === this.turn) await this.ask(words, where, true);
      } else {
        on.say("ask-message", String(error), true);
      }
    } finally {
      clearInterval(watch);
      if (mine === this.turn) byId("ask").removeAttribute("aria-busy");
    }
  }

  #answer(found) {
    const { on } = this;
    this.answered = found;
    const hasMap = found.map !== null;
    const share = found.overlap === null ? null : Math.round(found.overlap * found.k);
    const line = !hasMap
      ? "The table has no map yet, so these are its nearest articles by embedding: vecindex project makes one."
      : share === null
        ? "None of its nearest articles is on the map, so it has no position there."
        : `Overlap@${found.k} ${percent(found.overlap)}: ${share} of its ${found.k} nearest articles stay nearest on the map.`;
    const some = `Only of ${count(found.articles)} article${found.articles === 1 ? "" : "s"} where `;
    byId("answer").replaceChildren(
      element("h3", {}, given(found.text)),
      element("p", { class: "overlap" }, line),
      found.where === null ? "" : element("p", { class: "quiet small" }, some, element("code", {}, found.where)),
      neighborList("Nearest by embedding", found.nearest, hasMap, on.show),
      lensOf(found, on.show, (row) => on.viewer()?.pointing.mark(row)),
      hasMap && found.on_map.length ? neighborList("Nearest on the map", found.on_map, true, on.show, "map only") : "",
    );
    on.panel();
  }

  #mark(found) {
    const viewer = this.on.viewer();
    if (!viewer || !found.mark || found.edition !== this.now.edition) return;
    const key = JSON.stringify([found.text, found.where]);
    if (!this.marks.has(key)) this.marks.set(key, viewer.addQuestion({ ...found.mark, id: "asked here" }));
    this.quiet = true;
    viewer.pickQuestion(this.marks.get(key));
    this.quiet = false;
  }

  /** Take the marks of a map that was read: those of the file's questions. */
  reset() {
    this.marks.clear();
    this.now.header.questions.forEach((question, index) => this.marks.set(JSON.stringify([question.text, null]), index));
  }

  /** Show the answer of a question that was picked on the map. */
  picked(index) {
    if (this.quiet) return;
    const known = [...this.marks].find(([, one]) => one === index);
    if (known === undefined) return;
    this.on.viewer().asking = null;
    const [words, where] = JSON.parse(known[0]);
    const before = this.asked.find((one) => one.text === words && one.where === where && one.edition === this.now.edition);
    byId("question").value = words;
    if (before) this.#answer(before);
    else this.ask(words, where);
  }

  #remember(found) {
    const { asked } = this;
    const before = asked.findIndex((one) => one.text === found.text && one.where === found.where);
    if (before >= 0) asked.splice(before, 1);
    asked.unshift(found);
    byId("history-box").hidden = asked.length < 2;
    byId("history").replaceChildren(...asked.map((one) => element(
      "li", {},
      element(
        "button", { type: "button", class: "near", onclick: () => this.#again(one) },
        element("span", { class: "title" }, given(one.text)),
        element("span", { class: "dist" }, one.overlap === null ? "" : percent(one.overlap)),
      ),
    )));
  }

  #again(one) {
    byId("question").value = one.text;
    if (one.edition !== this.now.edition) { this.ask(one.text, one.where); return; }
    const viewer = this.on.viewer();
    if (viewer) viewer.asking = null;
    this.on.close();
    this.#answer(one);
    this.#mark(one);
  }
}
