// The neighbors of a question in both spaces, made when the question is opened.
import "../shared/page.js";
import { byId, element, given } from "../shared/dom.js";

const data = JSON.parse(byId("neighbors").textContent);
const table = byId("questions-table");
const ranking = data.ranker ? `By ${data.ranker}` : "In embedding space";
// The map and the rule that the next question opens with.
const last = { map: 0, rule: 0 };

/** What became of a neighbor in the other space: among the nearest there, at a known rank, or neither. */
function fate(ranks, id, rank, depth, missing) {
  if (ranks.has(id)) return `\u2713 kept, rank ${ranks.get(id)}`;
  if (Number.isInteger(rank)) return `${missing}, rank ${rank}`;
  return rank === null && depth ? `${missing}, beyond ${depth}` : missing;
}

/**
 * Return a table of neighbors, each compared with those of the other space.
 *
 * @param {[number, number | null, any?][]} near article, distance
 * @param {{ near: [number, number | null, any?][], head: string, missing: string, ranks?: any[], depth?: number }} [other]
 */
function list(near, other) {
  // By id: the nearest chunk of an article may be a different one in the other space.
  const kept = new Map((other?.near ?? []).map(([article], i) => [data.articles[article][0], i + 1]));
  const heads = [["Rank", "n"], ["Article", null], ["Distance", "n"], ...(other ? [[other.head, null]] : [])];
  const rows = near.map(([article, dist], i) => {
    const [id, title, chunk] = data.articles[article];
    const name = element(
      "td", { class: "article" }, given(title ?? id),
      ...(title === null ? [] : [element("br"), element("bdi", { class: "small quiet" }, id)]),
      ...(chunk === null ? [] : [element("span", { class: "small quiet" }, ", chunk ", given(chunk))]),
    );
    return element(
      "tr", { class: other && (kept.has(id) ? "kept" : "lost") },
      element("td", { class: "n" }, String(i + 1)),
      name,
      element("td", { class: "n" }, dist === null ? "–" : String(dist)),
      other && element("td", { class: "fate" }, fate(kept, id, other.ranks?.[i], other.depth, other.missing)),
    );
  });
  return element(
    "table", {},
    element("thead", {}, element("tr", {}, ...heads.map(([head, css]) => element("th", { class: css, scope: "col" }, head)))),
    element("tbody", {}, ...rows),
  );
}

function choice(label, names, index, change) {
  const options = names.map((name, i) => element("option", { value: i, selected: i === index }, name));
  const field = element("select", { "aria-label": label, onchange: () => change(Number(field.value)) }, ...options);
  return field;
}

function fill(cell, question) {
  const here = { ...last };
  const line = element("p", { class: "facts-line" });
  const why = element("ul", { class: "why", hidden: !question.why.length }, ...question.why.map((one) => element("li", {}, given(one))));
  const left = element("div"), right = element("div");
  const space = element("h4", {}, data.ranker ? `First hits by ${data.ranker}` : "Nearest in embedding space");
  if (!data.maps.length) {
    line.textContent = question.facts.join(" \u00b7 ");
    left.append(space, list(question.near));
    cell.replaceChildren(why, line, element("div", { class: "pair" }, left));
    return;
  }

  function draw() {
    const { near, ranks, depth, facts } = question.maps[here.map][here.rule];
    const back = near.map((one) => one[2]);
    line.textContent = [...question.facts, ...facts].join(" \u00b7 ");
    left.replaceChildren(space, list(question.near, { near, head: "On the map", missing: "\u2013 lost", ranks, depth }));
    right.replaceChildren(
      heading,
      list(near, { near: question.near, head: ranking, missing: data.ranker ? "\u2013 no hit" : "\u2013 not near", ranks: back, depth }),
    );
  }
  const choose = (what) => (value) => {
    here[what] = last[what] = value;
    draw();
  };
  const heading = element(
    "h4", {}, "Nearest on map ", choice("Map", data.maps, here.map, choose("map")),
    " placed at ", choice("Placement", data.rules, here.rule, choose("rule")),
  );
  draw();
  cell.replaceChildren(why, line, element("div", { class: "pair" }, left, right));
}

function toggle(button) {
  const body = button.closest("tbody");
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (body.rows.length > 1) {
    body.rows[1].hidden = open;
    return;
  }
  const cell = element("td", { colspan: table.tHead.rows[0].cells.length });
  body.append(element("tr", { class: "detail", id: button.getAttribute("aria-controls") }, cell));
  fill(cell, data.questions[Number(body.dataset.question)]);
}

for (const button of table.querySelectorAll("button.opener")) button.addEventListener("click", () => toggle(button));
