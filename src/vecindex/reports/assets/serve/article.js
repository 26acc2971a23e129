// What the page shows of an article: all of its text and fields, its lens, and what lies around it.

import { element, given } from "../shared/dom.js";
import { articleLens } from "./lens.js";
import { neighborList } from "./neighbors.js";

const shownValue = (value) => (typeof value === "object" ? JSON.stringify(value) : String(value));

/**
 * The parts of an article's panel. `on.close()`, `on.show(id, row)` opens another one, `on.point(row)` marks it on the map.
 *
 * @param {any} article
 * @param {any} around its neighbors
 * @param {any} now the page's state
 */
export function articleParts(article, around, now, on) {
  const fields = Object.entries(article.fields).filter(([, value]) => value !== null && value !== "");
  return [
    element("div", { class: "line" },
      element("h3", {}, given(article.title || article.id)),
      element("button", { type: "button", class: "button", onclick: on.close, "aria-label": "Close the article" }, "Close")),
    element("p", { class: "quiet small" }, given(article.id)),
    fields.length ? element("dl", { class: "fields small" }, ...fields.flatMap(([name, value]) => [
      element("dt", {}, given(name)), element("dd", {}, given(shownValue(value))),
    ])) : "",
    element("div", { class: "full-text", tabindex: "0" }, given(article.text)),
    article.truncated ? element("p", { class: "quiet small" }, "The model read only its beginning.") : "",
    articleLens(article, now, on.show, on.point),
    neighborList("Near it by embedding", around.nearest, around.map !== null && around.overlap !== null, on.show),
    around.map !== null && around.on_map.length ? neighborList("Near it on the map", around.on_map, true, on.show, "map only") : "",
  ];
}
