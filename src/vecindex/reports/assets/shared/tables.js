// Tables of items that can be sorted and filtered. Each item has its own tbody: what opens below it moves with it.
import { byId } from "./dom.js";

/** Sort by a column; again for the other direction. What has no value is always last. */
function sort(table, head, column) {
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const numeric = head.dataset.sort === "number";
  const sign = down ? -1 : 1;
  const items = [...table.tBodies].map((body) => {
    const cell = body.rows[0].cells[column];
    const text = cell.dataset.v ?? cell.textContent.trim();
    return { body, order: Number(body.dataset.order), value: numeric ? parseFloat(text) : text };
  });
  const compare = (a, b) => {
    if (!numeric) return sign * a.localeCompare(b);
    return Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : sign * (a - b);
  };
  items.sort((a, b) => compare(a.value, b.value) || a.order - b.order);
  table.append(...items.map((item) => item.body));
}

/** Filter the rows of the table that a field names, by words in those cells that have no `data-v`. */
function filter(field) {
  const table = byId(field.dataset.filter), line = byId(field.dataset.count);
  const text = (row) => [...row.cells].filter((cell) => !("v" in cell.dataset)).map((cell) => cell.textContent);
  const items = [...table.tBodies].map((body) => ({ body, text: text(body.rows[0]).join(" ").toLowerCase() }));
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const { body, text } of items) body.hidden = !words.every((word) => text.includes(word));
    const shown = items.filter(({ body }) => !body.hidden).length;
    line.textContent = words.length ? `${shown} of ${items.length} shown` : `${items.length} in all`;
  });
}

export function wireTables() {
  for (const table of /** @type {NodeListOf<HTMLTableElement>} */ (document.querySelectorAll("table.items"))) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      head.querySelector("button")?.addEventListener("click", () => sort(table, head, column));
    });
  }
  document.querySelectorAll("input[data-filter]").forEach(filter);
}
