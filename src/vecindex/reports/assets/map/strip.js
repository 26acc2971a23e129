// The strip above the map: which map it is.
import { element, given } from "../shared/dom.js";
import { count, day, percent } from "../shared/format.js";

/** Show which map it is: table and name, articles, method, day, scores, and what it is anchored to. */
export function fillStrip(strip, header) {
  const things = `${header.by ?? "article"}s`;
  const facts = [element("span", {}, element("b", {}, count(header.shown)), ` ${things}`)];
  if (header.outside) facts.push(element("span", {}, `${count(header.outside)} not on this map`));
  if (header.method) facts.push(element("span", {}, "method ", given(header.method)));
  if (header.made) facts.push(element("time", { datetime: header.made, title: header.made }, day(header.made)));
  for (const score of header.scores ?? []) {
    const known = score.low !== null && score.low !== undefined && score.high !== null && score.high !== undefined;
    const between = known ? `, between ${percent(score.low)} and ${percent(score.high)} by its interval` : "";
    facts.push(
      element(
        "span",
        { title: `${score.name}: ${percent(score.mean)}${between}` },
        given(score.name), " ", element("b", {}, percent(score.mean)),
        known ? element("span", { class: "vmap-between" }, ` ${percent(score.low)}–${percent(score.high)}`) : null,
      ),
    );
  }
  const of = element("span", { class: "vmap-map" }, ...(header.title ? [given(header.table), ", "] : []), "map “", given(header.map), "”");
  strip.replaceChildren(
    element("p", { class: "vmap-name" }, given(header.title ?? header.table), of),
    element("p", { class: "vmap-facts" }, ...facts),
    ...(header.anchored ? [element("p", { class: "vmap-badge" }, given(header.anchored))] : []),
    element("details", { class: "vmap-lead", open: strip.clientWidth >= 1300 && innerHeight >= 800 }, element("summary", {}, "How to read this map"), element("p", {}, ...lead(header))),
  );
}

/** What is seen, how far it can be trusted, and what to do first. */
function lead(header) {
  const by = header.by ?? "article";
  const recall = (header.scores ?? []).find(({ name }) => /^recall@\d+$/.test(name));
  const k = recall && Number(recall.name.slice(7));
  return [
    `Each point is one ${by}. ${by[0].toUpperCase()}${by.slice(1)}s with similar texts are close to each other; the directions and the distances across the map mean little. `,
    ...(recall ? [`Of the ${k} most similar to each one, ${percent(recall.mean)} are among its ${k} closest here (${recall.name}). `] : []),
    "Start with the labels: drag to move, scroll or pinch to zoom in to finer ones. Point at one to see its title, click to read, or search titles.",
  ];
}

/** What is said of points outside the view that is shown first. */
export function beyond(core) {
  if (!core) return null;
  const points = core.beyond === 1 ? "1 point lies" : `${count(core.beyond)} points lie`;
  return `${points} outside this view, far from all others; zoom out to see ${core.beyond === 1 ? "it" : "them"}.`;
}
