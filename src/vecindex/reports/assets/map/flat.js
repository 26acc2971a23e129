// Drawing points without a graphics card: the same pictures as gl.js, with pixels computed here. This takes a fraction of
// the time of software WebGL.

// Subpixel positions of a point along each axis.
const PHASES = 4;
// The time for drawing points between two frames, in ms, and how many are drawn between two looks at the clock.
const PATIENCE = 11, AT_ONCE = 4096;
// From so many points on what lies below the highlighted ones is kept, for two views.
const MANY = 20000, KEPT = 2;

/**
 * A disc's pixels at each subpixel position: `dx`, `dy` from the pixel of its center, and the covered part, 0 to 256,
 * times `alpha`.
 */
function discs(side, alpha) {
  const reach = Math.ceil(side / 2 + 0.5);
  const made = [];
  for (let py = 0; py < PHASES; py++) {
    for (let px = 0; px < PHASES; px++) {
      const found = [];
      for (let dy = -reach; dy <= reach; dy++) {
        for (let dx = -reach; dx <= reach; dx++) {
          const off = Math.hypot(dx + 0.5 - (px + 0.5) / PHASES, dy + 0.5 - (py + 0.5) / PHASES);
          const covered = Math.round(256 * alpha * Math.min(1, Math.max(0, side / 2 - off + 0.5)));
          if (covered > 4) found.push([dx, dy, covered]);
        }
      }
      made.push(found);
    }
  }
  return { made, reach };
}

export class FlatPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.screen = canvas.getContext("2d", { alpha: false });
    this.name = "Canvas 2D";
    this.waiting = null;
    this.largest = 4096;
    /** The first passes that are kept, by how they were drawn. @type {Map<string, Uint8ClampedArray>} */
    this.below = new Map();
  }

  setPoints(xy) {
    this.xy = xy;
    this.below.clear();
  }

  setCodes(codes) {
    this.codes = codes;
  }

  setHighlighted(highlighted) {
    this.highlighted = highlighted;
  }

  setPalette(colors) {
    this.colors = Uint8Array.from(colors.flat());
  }

  picture(width, height, old) {
    if (old && old.width === width && old.height === height) return old;
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d", { alpha: false });
    return { width, height, canvas, context, image: context.createImageData(width, height) };
  }

  drop() {
    // The garbage collector frees it.
  }

  forget() {
    this.below.clear();
  }

  close() {
    // There is nothing to free.
  }

  busy() {
    return false;
  }

  settle() {
    // Nothing is drawn asynchronously.
  }

  /** See GlPainter.fill. */
  fill(picture, look, still) {
    if (!look.begun) this.#begin(picture, look);
    const until = performance.now() + (still ? 3 : 1) * PATIENCE;
    do {
      if (look.next === look.todo.length) break;
      const range = look.todo[look.next];
      const end = Math.min(range.end, range.first + AT_ONCE);
      this.#splat(picture, look, range.pass, range.first, end);
      range.first = end;
      if (end === range.end && ++look.next === look.below) this.#keep(look.key, picture.image.data);
    } while (performance.now() < until);
    const done = look.next === look.todo.length;
    if (done) picture.context.putImageData(picture.image, 0, 0);
    if (done && look.shade) this.#shade(picture, look);
    return done;
  }

  #shade({ context, width, height }, { shade, x, y, scale }) {
    if (this.shaded?.alpha !== shade.alpha || this.shaded.tint !== shade.tint) this.shaded = this.#shadow(shade);
    const at = [(shade.x0 - x) * scale + width / 2, (y - shade.y1) * scale + height / 2];
    context.imageSmoothingEnabled = true;
    context.drawImage(this.shaded.canvas, at[0], at[1], (shade.x1 - shade.x0) * scale, (shade.y1 - shade.y0) * scale);
  }

  /** A shade as a small picture, the highest row first. */
  #shadow({ alpha, wide, high, tint }) {
    const canvas = document.createElement("canvas");
    canvas.width = wide;
    canvas.height = high;
    const context = canvas.getContext("2d");
    const image = context.createImageData(wide, high);
    const words = new Uint32Array(image.data.buffer);
    const [r, g, b] = tint, color = (b << 16) | (g << 8) | r;
    for (let row = 0; row < high; row++) {
      for (let i = 0; i < wide; i++) words[(high - 1 - row) * wide + i] = ((alpha[row * wide + i] << 24) | color) >>> 0;
    }
    context.putImageData(image, 0, 0);
    return { alpha, tint, canvas };
  }

  #begin(picture, look) {
    const [r, g, b] = look.paper;
    new Uint32Array(picture.image.data.buffer).fill(new Uint32Array(Uint8Array.of(r, g, b, 255).buffer)[0]);
    look.begun = true;
    look.todo = look.passes.flatMap((pass) => look.ranges.map(([first, end]) => ({ pass, first, end })));
    look.next = 0;
    this.#beginAbove(picture, look);
    for (const pass of look.passes) pass.discs = this.#discs(pass, picture.width);
  }

  /**
   * Begin with what lies below the highlighted points, if it is known: while a range is dragged it stays the same.
   * `look.below` is how many ranges are drawn when it has to be kept under `look.key`.
   */
  #beginAbove(picture, look) {
    const [first] = look.passes;
    if (look.passes.length < 2) this.below.clear();
    if (look.passes.length < 2 || look.count < MANY) return;
    const { x, y, scale, paper } = look;
    look.key = [x, y, scale, picture.width, picture.height, first.side, first.alpha, first.plain, paper].join();
    const known = this.below.get(look.key);
    if (!known) look.below = look.ranges.length;
    else {
      picture.image.data.set(known);
      look.next = look.ranges.length;
    }
  }

  #keep(key, data) {
    const [oldest] = this.below.keys();
    if (this.below.size === KEPT) this.below.delete(oldest);
    this.below.set(key, data.slice());
  }

  /** The same with offsets in the pixels of a picture. */
  #discs({ side, alpha }, width) {
    const { made, reach } = discs(side, alpha);
    const offsets = made.map((found) => Int32Array.from(found, ([dx, dy]) => dy * width + dx));
    const covered = made.map((found) => Int32Array.from(found, ([, , part]) => part));
    return { offsets, covered, reach };
  }

  #splat(picture, look, pass, first, end) {
    const { xy, codes, highlighted, colors } = this;
    const { width, height } = picture;
    const words = new Uint32Array(picture.image.data.buffer);
    const { offsets, covered, reach } = pass.discs;
    const { x, y, scale } = look;
    const [right, bottom] = [width - reach - 1, height - reach - 1];
    // Two channels at once: red and blue are apart by enough bits.
    let redBlue = 0, green = 0;
    if (pass.plain) [redBlue, green] = [(pass.plain[2] << 16) | pass.plain[0], pass.plain[1] << 8];
    for (let slot = first; slot < end; slot++) {
      if (pass.highlighted >= 0 && highlighted[slot] !== pass.highlighted) continue;
      const px = (xy[2 * slot] - x) * scale + width / 2, py = (y - xy[2 * slot + 1]) * scale + height / 2;
      const left = Math.floor(px), top = Math.floor(py);
      if (left < reach || top < reach || left > right || top > bottom) continue;
      if (!pass.plain) {
        const code = 3 * codes[slot];
        redBlue = (colors[code + 2] << 16) | colors[code];
        green = colors[code + 1] << 8;
      }
      const phase = Math.floor((py - top) * PHASES) * PHASES + Math.floor((px - left) * PHASES);
      const steps = offsets[phase], shares = covered[phase], base = top * width + left;
      for (let i = 0; i < steps.length; i++) {
        const at = base + steps[i], part = shares[i], rest = 256 - part, before = words[at];
        const both = ((Math.imul(redBlue, part) + Math.imul(before & 0xff00ff, rest)) >>> 8) & 0xff00ff;
        words[at] = 0xff000000 | both | ((Math.imul(green, part) + Math.imul(before & 0xff00, rest)) >>> 8) & 0xff00;
      }
    }
  }

  /** See GlPainter.show. */
  show(placed, paper, strength) {
    const { screen, canvas } = this;
    screen.globalAlpha = 1;
    screen.fillStyle = `rgb(${paper.join()})`;
    screen.fillRect(0, 0, canvas.width, canvas.height);
    for (const { picture, x, y, w, h } of placed) {
      if (strength < 1) screen.fillRect(x, y, w, h);
      screen.globalAlpha = strength;
      screen.imageSmoothingEnabled = Math.abs(w - picture.width) > 0.01;
      screen.drawImage(picture.canvas, x, y, w, h);
      screen.globalAlpha = 1;
    }
  }

  pixel(x, y) {
    const copy = document.createElement("canvas").getContext("2d");
    copy.drawImage(this.canvas, x, y, 1, 1, 0, 0, 1, 1);
    return [...copy.getImageData(0, 0, 1, 1).data];
  }
}
