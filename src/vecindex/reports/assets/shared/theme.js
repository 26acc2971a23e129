// The theme: the system's, unless the reader chose one.

const KEY = "vecindex-theme";
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** The current theme, "light" or "dark". */
export const theme = () => root.dataset.theme || (dark.matches ? "dark" : "light");

/** Call this whenever the theme may have changed.
 * @param {() => void} call */
export function onTheme(call) {
  new MutationObserver(call).observe(root, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", call);
}

/** Apply the reader's choice, and let a button change it. */
export function offerThemes(button) {
  const label = () => (button.textContent = theme() === "dark" ? "Light theme" : "Dark theme");
  // A page from a file may have no storage.
  try { choose(localStorage.getItem(KEY)); } catch { /* the system's theme */ }
  button.hidden = false;
  label();
  dark.addEventListener("change", label);
  button.addEventListener("click", () => {
    choose(theme() === "dark" ? "light" : "dark");
    try { localStorage.setItem(KEY, root.dataset.theme); } catch { /* for this visit only */ }
    label();
  });
}

function choose(name) {
  if (name === "dark" || name === "light") root.dataset.theme = name;
}
