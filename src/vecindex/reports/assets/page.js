// What all of vecindex's pages can do: switch the theme, sort and filter tables of items.
"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => { try { return localStorage.getItem("vecindex-theme"); } catch { return null; } };
  const button = document.getElementById("theme");

  function theme() {
    return root.dataset.theme || (dark.matches ? "dark" : "light");
  }
  function name_button() {
    button.textContent = theme() === "dark" ? "Light theme" : "Dark theme";
  }
  const chosen = stored();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  button.hidden = false;
  name_button();
  dark.addEventListener("change", name_button);
  button.addEventListener("click", () => {
    root.dataset.theme = theme() === "dark" ? "light" : "dark";
    try { localStorage.setItem("vecindex-theme", root.dataset.theme); } catch { /* a page from a file may not */ }
    name_button();
  });

  // A table of items: each in a tbody of its own, so that what opens below an item moves with it.
  function sort(table, head, column) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const numeric = head.dataset.sort === "number";
    const keyed = [...table.tBodies].map((body) => {
      const cell = body.rows[0].cells[column];
      const value = cell.dataset.v ?? cell.textContent.trim();
      return { body, first: Number(body.dataset.order), value: numeric ? (value === "" ? NaN : Number(value)) : value };
    });
    const sign = down ? -1 : 1;
    keyed.sort((a, b) => {
      if (numeric) {
        // What has no value stands last, whichever way.
        if (Number.isNaN(a.value) || Number.isNaN(b.value)) {
          return Number.isNaN(a.value) - Number.isNaN(b.value) || a.first - b.first;
        }
        return sign * (a.value - b.value) || a.first - b.first;
      }
      return sign * a.value.localeCompare(b.value) || a.first - b.first;
    });
    table.append(...keyed.map((item) => item.body));
  }
  for (const table of document.querySelectorAll("table.items")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const by = head.querySelector("button");
      if (by) by.addEventListener("click", () => sort(table, head, column));
    });
  }
  for (const field of document.querySelectorAll("input[data-filter]")) {
    const table = document.getElementById(field.dataset.filter);
    const told = document.getElementById(field.dataset.told);
    // Words are looked for in the cells of words; figures say when they are one by `data-v`.
    const words_of = (row) => [...row.cells].filter((cell) => !("v" in cell.dataset)).map((cell) => cell.textContent);
    const bodies = [...table.tBodies].map((body) => ({
      body,
      text: words_of(body.rows[0]).join(" ").toLowerCase(),
    }));
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { body, text } of bodies) {
        body.hidden = !words.every((word) => text.includes(word));
        shown += !body.hidden;
      }
      told.textContent = words.length ? `${shown} of ${bodies.length} shown` : `${bodies.length} in all`;
    });
  }
})();
