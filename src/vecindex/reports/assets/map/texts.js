// Texts that are decoded one at a time: most are never looked at.

let idleUntil = 0;

/** Wait until the browser has nothing else to do, but not for long; not at all while it still has not. */
export const idle = () =>
  performance.now() < idleUntil
    ? Promise.resolve()
    : new Promise((done) => {
        const go = (left) => {
          idleUntil = performance.now() + left;
          done(undefined);
        };
        // A callback that is asked for while the browser is idle comes in the next idle period: in 50 ms.
        if (globalThis.requestIdleCallback) requestIdleCallback((time) => go(time.timeRemaining()), { timeout: 250 });
        else setTimeout(go, 1, 8);
      });

/** A JSON array of strings in UTF-8; a string is decoded when it is read. */
export class Texts {
  constructor(bytes) {
    this.bytes = bytes;
    this.starts = null;
    this.decoder = new TextDecoder();
  }

  /** Find where each string begins; `rest` is awaited from time to time. */
  async index(count, rest = idle) {
    const bytes = this.bytes, starts = new Uint32Array(count + 1);
    const QUOTE = 34, BACKSLASH = 92;
    let found = 0;
    for (let at = bytes.indexOf(QUOTE); at !== -1 && found < count; at = bytes.indexOf(QUOTE, at + 1)) {
      starts[found++] = at;
      for (;;) {
        at = bytes.indexOf(QUOTE, at + 1);
        let slashes = 0;
        while (bytes[at - 1 - slashes] === BACKSLASH) slashes++;
        if (slashes % 2 === 0 || at === -1) break;
      }
      if (at === -1) break;
      if (found % 10000 === 0) await rest();
    }
    if (found !== count) throw new Error(`expected ${count} texts, found ${found}`);
    starts[count] = bytes.length;
    this.starts = starts;
    return this;
  }

  get length() {
    return this.starts.length - 1;
  }

  /** The texts of the rows from `first` up to, not including, `end`. */
  slice(first, end) {
    const text = this.decoder.decode(this.bytes.subarray(this.starts[first], this.starts[end]));
    return JSON.parse(`[${text.slice(0, text.lastIndexOf('"') + 1)}]`);
  }

  at(row) {
    return this.slice(row, row + 1)[0];
  }

  /** Promise the texts of some rows; `rest` is awaited from time to time. */
  async of(rows, rest = idle) {
    const found = [];
    for (const row of rows) {
      found.push(this.at(row));
      if (found.length % 10000 === 0) await rest();
    }
    return found;
  }

  /** The first row with this text; null without one. */
  rowOf(text) {
    const wanted = new TextEncoder().encode(JSON.stringify(text));
    const { bytes, starts } = this;
    for (let row = 0; row < this.length; row++) {
      const at = starts[row];
      if (starts[row + 1] - at !== wanted.length + 1) continue;
      if (wanted.every((byte, i) => byte === bytes[at + i])) return row;
    }
    return null;
  }
}
