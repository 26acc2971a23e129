// What the map reads: sources of bytes, texts that are read one at a time, and places that can be asked for neighbors.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});

  /** Let others go first: at once when nothing else is to be done, and after some time even if there is. */
  const idle = () =>
    new Promise((done) => {
      if (globalThis.requestIdleCallback) requestIdleCallback(done, { timeout: 250 });
      else setTimeout(done, 1);
    });

  function from_base64(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const packed = atob(text);
    const bytes = new Uint8Array(packed.length);
    for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
    return bytes;
  }

  async function unpacked(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** The source that reads the blocks of the page it stands in. */
  function embedded() {
    // Blocks may stand behind the code, so that the map is drawn while the rest of the file is still read.
    const whole = () =>
      document.readyState !== "loading"
        ? Promise.resolve()
        : new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
    async function block(id) {
      if (!document.getElementById(id)) await whole();
      const found = document.getElementById(id);
      if (!found) throw new Error(`this page has no block ${id}`);
      return found.textContent;
    }
    return {
      header: async () => JSON.parse(await block("map-header")),
      section: async (name) => unpacked(from_base64(await block(`map-section-${name}`))),
    };
  }

  /** A JSON array of strings in UTF-8 of which only those asked for are ever made into strings. */
  class Texts {
    constructor(bytes) {
      this.bytes = bytes;
      this.starts = null;
      this.decoder = new TextDecoder();
    }

    /** Find where each begins; `rest` is awaited now and then. */
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
        if (found % 20000 === 0) await rest();
      }
      if (found !== count) throw new Error(`${count} texts were told, ${found} are there`);
      starts[count] = bytes.length;
      this.starts = starts;
      return this;
    }

    get length() {
      return this.starts.length - 1;
    }

    /** The texts of the rows from `first` up to `end`. */
    slice(first, end) {
      const text = this.decoder.decode(this.bytes.subarray(this.starts[first], this.starts[end]));
      return JSON.parse(`[${text.slice(0, text.lastIndexOf('"') + 1)}]`);
    }

    at(row) {
      return this.slice(row, row + 1)[0];
    }
  }

  const CELLS = 128;
  const SHIFT = 9;

  /**
   * Points in the order of the cells of a grid, 128 a side, and in their own order within a cell.
   * `order[slot]` is a row, `slot_of[row]` its slot, `xy` the places by slot, `start` where each cell begins.
   */
  class Grid {
    constructor(places) {
      const n = places.length >> 1;
      const start = new Uint32Array(CELLS * CELLS + 1);
      const cell_of = new Uint16Array(n);
      for (let i = 0; i < n; i++) {
        const cell = ((places[2 * i + 1] >> SHIFT) * CELLS) + (places[2 * i] >> SHIFT);
        cell_of[i] = cell;
        start[cell + 1]++;
      }
      for (let c = 0; c < CELLS * CELLS; c++) start[c + 1] += start[c];
      const next = start.slice();
      this.order = new Uint32Array(n);
      this.slot_of = new Uint32Array(n);
      this.xy = new Uint16Array(2 * n);
      for (let i = 0; i < n; i++) {
        const slot = next[cell_of[i]]++;
        this.order[slot] = i;
        this.slot_of[i] = slot;
        this.xy[2 * slot] = places[2 * i];
        this.xy[2 * slot + 1] = places[2 * i + 1];
      }
      this.start = start;
      this.length = n;
    }

    x(row) {
      return this.xy[2 * this.slot_of[row]];
    }

    y(row) {
      return this.xy[2 * this.slot_of[row] + 1];
    }

    /** Ranges of slots [first, end) that hold every point of a rectangle, as few as can be. */
    ranges(x0, y0, x1, y1) {
      const held = (v) => Math.min(CELLS - 1, Math.max(0, Math.floor(v) >> SHIFT));
      if (x1 < 0 || y1 < 0 || x0 > 65535 || y0 > 65535) return [];
      const [left, right, low, high] = [held(x0), held(x1), held(y0), held(y1)];
      const found = [];
      for (let row = low; row <= high; row++) {
        const first = this.start[row * CELLS + left], end = this.start[row * CELLS + right + 1];
        if (first === end) continue;
        const last = found.at(-1);
        if (last && last[1] === first) last[1] = end;
        else found.push([first, end]);
      }
      return found;
    }

    /** The k rows nearest to a place, closer first, of equals the lower row; those that `skip` tells are left out. */
    nearest(x, y, k, skip = () => false, within = 1e6) {
      for (let radius = Math.min(within, 400); ; radius = Math.min(within, 2 * radius)) {
        const found = this.#inside(x, y, k, radius, skip);
        if (found.length === k || radius >= within || radius > 2e5) return found;
      }
    }

    #inside(x, y, k, radius, skip) {
      const { xy, order } = this;
      const found = [];
      let limit = radius * radius;
      for (const [first, end] of this.ranges(x - radius, y - radius, x + radius, y + radius)) {
        for (let slot = first; slot < end; slot++) {
          const dx = xy[2 * slot] - x, dy = xy[2 * slot + 1] - y;
          const square = dx * dx + dy * dy;
          if (square > limit) continue;
          const row = order[slot];
          const before = (other) => square < other.square || (square === other.square && row < other.row);
          if ((found.length === k && !before(found[k - 1])) || skip(row)) continue;
          let place = found.length;
          while (place > 0 && before(found[place - 1])) place--;
          found.splice(place, 0, { row, square });
          if (found.length > k) found.pop();
          if (found.length === k) limit = found[k - 1].square;
        }
      }
      return found.map(({ row, square }) => ({ row, dist: Math.sqrt(square) }));
    }
  }

  Object.assign(parts, { Texts, Grid, idle });
  globalThis.vecindexMap.embedded = embedded;
}
