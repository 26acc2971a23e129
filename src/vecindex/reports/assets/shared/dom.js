// Elements made by scripts. A text from the data is only ever inserted as text.

/**
 * Return an element with attributes and children; a child that is a string becomes text.
 * An attribute `onNAME` is a listener. `true` stands without a value; null, undefined and false are left out.
 *
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null | undefined)} children null and undefined are left out
 * @returns {any} an HTMLElement of that name
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/**
 * Return a text from the user's data, whose writing direction does not affect the text around it.
 *
 * @param {string | null} text
 */
export const given = (text) => element("bdi", {}, String(text ?? ""));

/**
 * @param {string} id
 * @returns {any} the HTMLElement of this id
 */
export const byId = (id) => document.getElementById(id);
