// The lens of a question that was asked, in the panel of its answer.

import { element } from "../shared/dom.js";
import { promised } from "../map/lens.js";
import { json } from "./api.js";

/**
 * An element with the lens of an answer; it is requested once.
 *
 * @param {any} found the answer of the API
 * @param {(id: string, row: number | null) => void} show called when an article is picked
 * @param {(row: number | null) => void} point called with the row of the article that is pointed at
 */
export function lensOf(found, show, point) {
  found.lens ??= json("/api/lens", { text: found.text, map: found.map, where: found.where, edition: found.edition })
    .then((lens) => ({ articles: lens.articles, tied: lens.tied, mutual: lens.mutual_recall }));
  // What went wrong is asked for again the next time.
  found.lens.catch(() => { found.lens = null; });
  const lens = promised(found.text, found.lens, {
    title: async (one) => one.title || one.id,
    pick: (one) => show(one.id, one.row),
    point: (one) => point(one?.row ?? null),
  });
  return element("div", { class: "answer-lens" }, element("h4", {}, "Lens"), lens);
}

/**
 * A button that the lens of an article replaces when it is pressed.
 *
 * @param {any} article of the API
 * @param {{ map: string | null, edition: string | null }} now
 * @param {(id: string, row: number | null) => void} show called when an article is picked
 * @param {(row: number | null) => void} point called with the row of the article that is pointed at
 */
export function articleLens(article, now, show, point) {
  const box = element("div", { class: "answer-lens" });
  const part = encodeURIComponent;
  const open = () => {
    const where = now.map === null ? "" : `?map=${part(now.map)}&edition=${part(now.edition)}`;
    const lens = json(`/api/articles/${part(article.id)}/lens${where}`).then((found) => ({ articles: found.articles, tied: found.tied, mutual: found.mutual_recall }));
    const title = element("h4", { tabindex: "-1" }, "Lens");
    box.replaceChildren(title, promised(article.title || article.id, lens, {
      title: async (one) => one.title || one.id,
      pick: (one) => show(one.id, one.row),
      point: (one) => point(one?.row ?? null),
    }));
    title.focus({ preventScroll: true });
  };
  box.append(element("button", { type: "button", class: "button", onclick: open }, "Lens of this article"));
  return box;
}
