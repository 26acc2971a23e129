// The search box and its results.
import { element, given } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { titled } from "./titles.js";

/**
 * The search box. `on.find(text)` returns { rows, best, titles }, or null while the titles are read; `on.go(row)` opens
 * a result, `on.id(row)` promises an id, `on.matched(rows)` gets all rows that match, null without a search.
 */
export class SearchBox {
  constructor(root, on) {
    this.on = on;
    this.root = root;
    this.field = root.querySelector(".vmap-search");
    this.line = root.querySelector(".vmap-found");
    this.list = root.querySelector(".vmap-results");
    this.best = [];
    this.field.addEventListener("input", () => this.run());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("keydown", (event) => this.#key(event));
  }

  get text() {
    return this.field.value.trim();
  }

  clear() {
    this.field.value = "";
    this.run();
  }

  run() {
    const found = this.text ? this.on.find(this.text) : { rows: [], best: [] };
    this.root.classList.toggle("vmap-searching", this.text !== "");
    if (found === null) {
      this.line.textContent = "Reading the titles…";
      this.list.replaceChildren();
      return;
    }
    const { rows, best, titles } = found;
    this.best = best;
    const cut = rows.length > best.length ? `, the first ${best.length} are listed` : "";
    this.line.textContent = !this.text ? "" : rows.length ? `${count(rows.length)} found${cut}` : "No title has these words.";
    this.list.replaceChildren(...best.map((row, i) => this.#item(row, titles[i], titles.filter((one) => one === titles[i]).length)));
    this.on.matched(this.text ? rows : null);
  }

  #item(row, title, times) {
    const item = element("button", { type: "button", class: "vmap-item", "data-row": row, onclick: () => this.on.go(row) }, titled(title));
    // Results with the same title show their ids.
    if (times > 1) {
      const id = given("");
      item.append(element("span", { class: "vmap-id vmap-below" }, id));
      this.on.id(row).then((text) => (id.textContent = text), () => {});
    }
    return element("li", {}, item);
  }

  #key(event) {
    const buttons = [...this.list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    if (event.key === "Enter" && event.target === this.field && this.best.length) this.on.go(this.best[0]);
    else if (event.key === "ArrowDown" && buttons.length) buttons[Math.min(buttons.length - 1, at + 1)].focus();
    else if (event.key === "ArrowUp" && at >= 0) (at === 0 ? this.field : buttons[at - 1]).focus();
    else if (event.key === "Escape" && this.text) {
      this.clear();
      this.field.focus();
      event.stopPropagation();
    } else return;
    event.preventDefault();
  }
}
