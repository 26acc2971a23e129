// Titles of the user's data: a long one is truncated after some lines, and can be read whole.

import { element } from "../shared/dom.js";

const isTruncated = (box) => box.scrollHeight > box.clientHeight + 1;

/**
 * A title in a list: at most three lines, in its own writing direction. Where it is truncated its tooltip has all of it;
 * what the keyboard has reached is shown whole.
 *
 * @param {string} text
 */
export function titled(text) {
  const made = element("span", { class: "vmap-clamp", dir: "auto", onpointerenter: () => {
    if (isTruncated(made)) made.title = made.textContent;
    else made.removeAttribute("title");
  } }, text);
  return made;
}

/** The heading of a card. Call `fitted` once it is shown, and after a change of its text. */
export const heading = (text = "") => element("h3", { class: "vmap-clamp vmap-heading", dir: "auto" }, text);

/** Offer the rest of a heading that is truncated. @param {HTMLElement} title */
export function fitted(title) {
  const after = title.nextElementSibling;
  if (after?.classList.contains("vmap-rest")) after.remove();
  if (!isTruncated(title)) return;
  const rest = element("button", { type: "button", class: "vmap-plain vmap-rest", "aria-expanded": "false", onclick: () => {
    const whole = rest.getAttribute("aria-expanded") === "false";
    rest.setAttribute("aria-expanded", String(whole));
    title.classList.toggle("vmap-clamp", !whole);
  } }, "Whole title");
  title.after(rest);
}
