// What a selection is taken away as: ids, a table, a command.

import { element } from "../../shared/dom.js";

const quoted = (text) => (/^[\w./:=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A field of a CSV file; an empty text is distinguished from none, as `vecindex export` does. */
const field = (value) => (value === null ? "" : value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

/** A CSV file: a header, and a line for each list of values, each a text or null. */
export function csv(names, lines) {
  return [names, ...lines].map((line) => line.map(field).join(",")).join("\n") + "\n";
}

/** The ids as `--ids` reads them: one a line; as a JSON object where it would be read as something else. */
export function idLines(ids) {
  const plain = (id) => id === id.trim() && id !== "" && !/[\r\n]/.test(id) && !id.startsWith("{");
  return ids.map((id) => (plain(id) ? id : JSON.stringify({ id }))).join("\n") + "\n";
}

const sqlText = (text) => `'${text.replaceAll("'", "''")}'`;

/** The condition on a column that the codes of its coloring stand for; null where SQL cannot say exactly that. */
export function condition(coloring, only) {
  const column = coloring.key === "truncated" ? "truncated" : coloring.key.startsWith("field:") ? coloring.key.slice(6) : null;
  if (column === null || column.includes("`")) return null;
  // Also a plain name, which may be a keyword.
  const name = `\`${column}\``;
  if (coloring.kind === "category") return categories(coloring, name, only);
  // A date may be a text in the column, or a time of another zone.
  return coloring.kind !== "number" || coloring.unit === "date" ? null : range(coloring, name, only);
}

function categories({ names, key, other, renamed = [] }, name, only) {
  const none = only.has(255) ? [`${name} IS NULL`] : [];
  const codes = [...only].filter((code) => code !== 255).sort((a, b) => a - b);
  if (key === "truncated") return codes.length === 1 && !none.length ? (codes[0] ? `NOT ${name}` : name) : null;
  // A name that is not the value, and one for what is left.
  if (codes.some((code) => code === other || renamed.includes(code))) return null;
  const values = codes.length ? [`${name} IN (${codes.map((code) => sqlText(names[code])).join(", ")})`] : [];
  const all = [...values, ...none];
  return all.length === 1 ? all[0] : `(${all.join(" OR ")})`;
}

/** Numbers are rounded to 254 steps, halves to the even one; the first and the last also hold what is beyond. */
function range({ low, high, scale, whole, nonfinite, unclear = [] }, name, only) {
  if (only.has(255)) return null;
  const codes = [...only].sort((a, b) => a - b);
  const first = codes[0], last = codes.at(-1);
  if (last - first + 1 !== codes.length) return null;
  // A value lies so close to an end that the number there may be on its wrong side.
  if (unclear.includes(first) || unclear.includes(last + 1)) return null;
  const at = (step) => (scale === "log" ? low * (high / low) ** (step / 254) : low + ((high - low) * step) / 254);
  const parts = [];
  // SQL compares a column of whole numbers with whole numbers only; such as are not exact here compare with nothing.
  if (whole && Math.max(-low, high) > Number.MAX_SAFE_INTEGER) return null;
  if (first > 0) {
    const least = at(first - 0.5);
    if (whole) parts.push(`${name} >= ${first % 2 ? Math.floor(least) + 1 : Math.ceil(least)}`);
    else parts.push(`${name} ${first % 2 ? ">" : ">="} ${least}`);
  }
  if (last < 254) {
    const most = at(last + 0.5);
    if (whole) parts.push(`${name} <= ${last % 2 ? Math.ceil(most) - 1 : Math.floor(most)}`);
    else parts.push(`${name} ${last % 2 ? "<" : "<="} ${most}`);
  }
  // To SQL infinity is a number, and NaN is above all; in the page an article with either has none.
  if (nonfinite && parts.length < 2) return null;
  return parts.length ? parts.join(" AND ") : `${name} IS NOT NULL`;
}

/** The command that writes the same rows: by a condition, or by a file of ids. */
export function exportCommand(table, where) {
  const of = table === "articles" ? "" : ` --table ${quoted(table)}`;
  return `vecindex export selection.csv${of} ${where === null ? "--ids ids.txt" : `--where ${quoted(where)}`}`;
}

/** The command that stores a label with the same rows. */
export function annotateCommand(table, where) {
  return exportCommand(table, where).replace("export selection.csv", "annotate --label LABEL");
}

/** The command that stores the labels of a saved CSV. */
export function annotateFile(table, column) {
  const of = table === "articles" ? "" : ` --table ${quoted(table)}`;
  return `vecindex annotate --labels ${column}s.csv${column === "label" ? "" : ` --column ${column}`}${of}`;
}

/** The same in a notebook. */
export const annotateCode = (column) => `index.annotate(shown.labels["${column}"]${column === "label" ? "" : `, column="${column}"`})`;

/** Save a text as a file of the reader's. */
export function download(name, text, type = "text/plain") {
  const url = URL.createObjectURL(text instanceof Blob ? text : new Blob([text], { type: `${type};charset=utf-8` }));
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Copy a text; false where the browser refuses. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element("textarea", { "aria-hidden": "true", tabindex: "-1", class: "vmap-copying" });
    const before = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    /** @type {any} */ (before)?.focus?.({ preventScroll: true });
    return done;
  }
}
