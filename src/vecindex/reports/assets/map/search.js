// The search for words in titles: a scan of one long text without case and accents.

import { idle } from "./texts.js";

// Letters that Unicode does not decompose into a letter and an accent.
const ALONE = { ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", ł: "l", þ: "th", ı: "i" };
const LETTER = /[\p{L}\p{N}]/u;

/** A text as it is compared: in lower case, without accents. */
export function fold(text) {
  const plain = text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase();
  return plain.replace(/[ßæœøđðłþı]/g, (letter) => ALONE[letter]);
}

export class TitleSearch {
  /** Read all titles, some at a time. */
  async build(texts, rest = idle) {
    this.texts = texts;
    const n = texts.length, step = 4000;
    this.starts = new Uint32Array(n + 1);
    const pieces = [];
    let at = 0, row = 0;
    for (let first = 0; first < n; first += step) {
      const titles = texts.slice(first, Math.min(n, first + step)).map((title) => title.replace(/\s+/g, " ").trim());
      // Folding keeps the line ends; titles have none of their own.
      const folded = fold(titles.join("\n"));
      for (let begin = 0; begin <= folded.length; row++) {
        this.starts[row] = at + begin;
        const end = folded.indexOf("\n", begin);
        begin = end === -1 ? folded.length + 1 : end + 1;
      }
      pieces.push(folded, "\n");
      at += folded.length + 1;
      await rest();
    }
    this.starts[n] = at;
    this.text = pieces.join("");
    this.rows = new Uint32Array(n);
    return this;
  }

  /**
   * The titles that contain every word, whole or in part; of the rows with 1 in `among`, of all without.
   *
   * Returns `rows`, all of them in order, and `best`, at most `limit`: titles that equal the query first, then those
   * that begin with it, those with a word that begins with it, and the rest; of equals the shorter.
   */
  find(query, limit = 50, among = null) {
    const words = fold(query).split(/\s+/).filter(Boolean);
    if (!words.length || !this.text) return { rows: this.rows?.subarray(0, 0) ?? new Uint32Array(0), best: [] };
    const { text, starts, rows } = this;
    const phrase = words.join(" ");
    const [word, ...others] = [...words].sort((a, b) => b.length - a.length);
    const best = [];
    let count = 0, row = 0;
    for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, starts[row])) {
      while (starts[row + 1] <= at) row++;
      const begin = starts[row], end = starts[row + 1] - 1;
      if ((!among || among[row]) && (!others.length || every(others, text.slice(begin, end)))) {
        rows[count++] = row;
        // Most cannot be better than the current best, whatever surrounds the word.
        const least = at === begin || others.length ? 0 : 2;
        if (best.length < limit || best[limit - 1].key > keyOf(least, end - begin)) {
          this.#rank(best, limit, row, keyOf(this.#kind(phrase, begin, end), end - begin));
        }
      }
      if (++row >= rows.length) break;
    }
    return { rows: rows.subarray(0, count), best: best.map((one) => one.row) };
  }

  /** 0 the title equals the query, 1 begins with it, 2 has a word that begins with it, 3 otherwise. */
  #kind(phrase, begin, end) {
    const line = this.text.slice(begin, end);
    if (line.startsWith(phrase)) return line.length === phrase.length ? 0 : 1;
    for (let at = line.indexOf(phrase); at !== -1; at = line.indexOf(phrase, at + 1)) {
      if (!LETTER.test(line[at - 1])) return 2;
    }
    return 3;
  }

  #rank(best, limit, row, key) {
    if (best.length === limit && key >= best[limit - 1].key) return;
    let rank = best.length;
    while (rank > 0 && best[rank - 1].key > key) rank--;
    best.splice(rank, 0, { row, key });
    if (best.length > limit) best.pop();
  }
}

const keyOf = (kind, length) => kind * 1e6 + Math.min(length, 99999);
const every = (words, line) => words.every((word) => line.includes(word));
