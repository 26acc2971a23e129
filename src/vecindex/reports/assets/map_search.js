// The search for words in titles: one long text in which case and accents are folded, read from one end to the other.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});
  const { idle } = parts;

  // Letters that do not come apart into a letter and an accent.
  const ALONE = { ß: "ss", æ: "ae", œ: "oe", ø: "o", đ: "d", ð: "d", ł: "l", þ: "th", ı: "i" };
  const LETTER = /[\p{L}\p{N}]/u;

  /** A text as it is compared: lower case, without accents. */
  function fold(text) {
    const plain = text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase();
    return plain.replace(/[ßæœøđðłþı]/g, (letter) => ALONE[letter]);
  }

  class TitleSearch {
    /** Read all titles, so many at a time. */
    async build(texts, rest = idle) {
      this.texts = texts;
      const n = texts.length, step = 10000;
      this.starts = new Uint32Array(n + 1);
      const pieces = [];
      let at = 0, row = 0;
      for (let first = 0; first < n; first += step) {
        const titles = texts.slice(first, Math.min(n, first + step)).map((title) => title.replace(/\s+/g, " ").trim());
        // Folding keeps the line ends, and only those stand in it.
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
     * The titles in which every word stands, whole or in part.
     *
     * Returns `rows`, all of them in the order of the rows, and `best`, at most `limit`: the title itself first, then
     * those that begin with it, those in which a word begins with it, and the rest; of equals the shorter.
     */
    find(query, limit = 50) {
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
        if (!others.length || every(others, text.slice(begin, end))) {
          rows[count++] = row;
          // Most are no better than what is there already, whatever stands around the word.
          const least = at === begin || others.length ? 0 : 2;
          if (best.length < limit || best[limit - 1].key > key_of(least, end - begin)) {
            this.#rank(best, limit, row, key_of(this.#kind(phrase, begin, end), end - begin));
          }
        }
        if (++row >= rows.length) break;
      }
      return { rows: rows.subarray(0, count), best: best.map((one) => one.row) };
    }

    /** 0 the title itself, 1 it begins so, 2 a word begins so, 3 the rest. */
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
      let place = best.length;
      while (place > 0 && best[place - 1].key > key) place--;
      best.splice(place, 0, { row, key });
      if (best.length > limit) best.pop();
    }
  }

  const key_of = (kind, length) => kind * 1e6 + Math.min(length, 99999);
  const every = (words, line) => words.every((word) => line.includes(word));

  Object.assign(parts, { TitleSearch, fold });
}
