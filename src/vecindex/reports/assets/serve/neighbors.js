// Lists of neighbors of a question or an article.
import { element, given } from "../shared/dom.js";

/**
 * A list of neighbors in one space. Words, not only colors, distinguish those that are kept.
 *
 * @param {string} title
 * @param {any[]} list of the API
 * @param {boolean} hasMap whether their fate is shown
 * @param {(id: string, row: number | null) => void} show called when one is clicked
 * @param {string} [other] the fate of one that is not kept
 */
export function neighborList(title, list, hasMap, show, other = "lost") {
  const names = list.map((near) => near.title || near.id);
  const items = list.map((near, i) => {
    const fate = near.kept ? "kept" : near.row === null ? "not on the map" : other;
    // Passages of one article have the same title.
    const twice = names.indexOf(names[i]) !== names.lastIndexOf(names[i]);
    const button = element(
      "button", { type: "button", class: "near", onclick: () => show(near.id, near.row) },
      element(
        "span", { class: "name" }, element("span", { class: "title" }, given(names[i])),
        twice ? element("span", { class: "id" }, given(near.id)) : null,
      ),
      element("span", { class: "dist" }, near.dist.toFixed(3)),
    );
    return element(
      "li", { class: near.kept ? "kept" : null }, button,
      hasMap ? element("span", { class: "fate" }, fate) : null,
    );
  });
  return element(
    "div", { class: "near-list" }, element("h4", {}, title),
    items.length ? element("ol", {}, ...items) : element("p", { class: "quiet small" }, "None."),
  );
}
