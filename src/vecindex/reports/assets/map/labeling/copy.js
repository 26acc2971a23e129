// The page as a file: as it was written, with the labels in it.

import { pristine } from "./pristine.js";

const BLOCK = "map-labels";

/** The labels that are in the page; null without any. */
export function inPage() {
  const found = document.getElementById(BLOCK)?.textContent;
  return found ? JSON.parse(found) : null;
}

/** A text that differs where labels in the page do. */
export const mark = () => {
  let hash = 2166136261;
  const text = document.getElementById(BLOCK)?.textContent ?? "";
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  return (hash >>> 0).toString(36);
};

/** The labels as the block of the page that holds them. No tag is written here: it would be one of the page too. */
function blockOf(labels) {
  const block = document.createElement("script");
  block.type = "application/json";
  block.id = BLOCK;
  block.textContent = JSON.stringify(labels).replaceAll("<", "\\u003c");
  return block.outerHTML;
}

/** The page as HTML with these labels in it. */
export function pageWith(labels) {
  const { head, body } = document;
  const block = labels && blockOf(labels);
  const scripts = [...body.children].filter((one) => one.localName === "script" && one.id !== BLOCK);
  const code = scripts.findIndex((one) => !one.id);
  const parts = [...pristine, ...scripts].map((one) => /** @type {Element} */ (one).outerHTML);
  // The script finds the labels as soon as it runs.
  if (block) parts.splice(pristine.length + code, 0, block);
  const kind = body.className ? ` class="${body.className}"` : "";
  return new Blob([`<!doctype html>\n<html lang="${document.documentElement.lang}">\n`, head.outerHTML, `\n<body${kind}>\n`, parts.join("\n"), "\n</body>\n</html>\n"], { type: "text/html;charset=utf-8" });
}
