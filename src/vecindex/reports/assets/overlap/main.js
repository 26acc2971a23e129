// What a reader does with the report: copies a command, unfolds the figures, opens questions.
import "./questions.js";
import { byId } from "../shared/dom.js";

const SHOWN = 12;

/** Copy a text; where the browser has no clipboard for this page, from a selection of it. */
async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    getSelection()?.selectAllChildren(source);
    document.execCommand("copy");
  }
}

for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("button[data-copy]"))) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await copy(byId(button.dataset.copy));
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

/** Unfold the section that the address names. */
function unfold() {
  const fold = document.querySelector(`${location.hash || "#none"} > details.fold`);
  if (fold instanceof HTMLDetailsElement) fold.open = true;
}
addEventListener("hashchange", unfold);
unfold();
// A link to the section that the address names already changes nothing there.
for (const link of document.querySelectorAll("nav a[href^='#']")) {
  link.addEventListener("click", () => setTimeout(unfold));
}
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details.fold")) fold.setAttribute("open", "");
});

// The first questions in whatever order; all of them when they are asked for, or filtered.
const table = byId("questions-table"), all = byId("questions-all"), filter = byId("questions-filter");
function showAll() {
  table.classList.remove("few");
  all.hidden = true;
}
if (table.tBodies.length > SHOWN) {
  table.classList.add("few");
  all.hidden = false;
  all.addEventListener("click", showAll);
  filter.addEventListener("input", showAll);
}
