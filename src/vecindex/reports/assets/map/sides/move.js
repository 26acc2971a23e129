// A move from one map to another: points of a fair sample travel, those that go farthest are drawn strong.

const LASTS_MS = 1100;
const MOST = 60_000;
// The share of the points that go farthest.
const FARTHEST = 0.05;
// From this correlation on, one map is turned, or turned over, onto the other on the way.
const ALIKE = 0.5;

/** @param {number[]} color */
const pixel = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
const mixed = (a, b, part) => a.map((v, i) => Math.round(v + (b[i] - v) * part));

/** Of each row of pixels of a disc, how many are left out at either end. */
const disc = (side) => Array.from({ length: side }, (_, i) => Math.round(side / 2 - Math.sqrt(Math.max(0.25, (side / 2) ** 2 - (i + 0.5 - side / 2) ** 2))));

/**
 * How points `z` (x0 y0 x1 y1 ...) about their middle come to lie at `w`: turned, scaled, perhaps turned over, and then
 * each on its own. Returns `turned(t)`, the four numbers of the matrix at a time from 0 to 1, which is that of no change
 * at 0.
 */
export function turning(z, w) {
  let re = 0, im = 0, reOver = 0, imOver = 0, ofZ = 0, ofW = 0;
  for (let i = 0; i < z.length; i += 2) {
    const [x, y, u, v] = [z[i], z[i + 1], w[i], w[i + 1]];
    re += x * u + y * v;
    im += x * v - y * u;
    reOver += x * u - y * v;
    imOver += x * v + y * u;
    ofZ += x * x + y * y;
    ofW += u * u + v * v;
  }
  const over = Math.hypot(reOver, imOver) > Math.hypot(re, im);
  const size = over ? Math.hypot(reOver, imOver) : Math.hypot(re, im);
  if (!(size > ALIKE * Math.sqrt(ofZ * ofW))) return () => [1, 0, 0, 1];
  const angle = over ? Math.atan2(imOver, reOver) : Math.atan2(im, re), scale = size / ofZ;
  return (t) => {
    const by = scale ** t;
    if (!over) return [by * Math.cos(angle * t), -by * Math.sin(angle * t), by * Math.sin(angle * t), by * Math.cos(angle * t)];
    // Turned over about an axis through the middle.
    const c = Math.cos(angle / 2), s = Math.sin(angle / 2), flat = 1 - 2 * t;
    return [by * (c * c + flat * s * s), by * (c * s - flat * c * s), by * (c * s - flat * c * s), by * (s * s + flat * c * c)];
  };
}

export class Move {
  /**
   * Begin at once, from a view (`x`, `y`, `scale`, `grid`) to what the viewer shows now; `done()` follows the end.
   *
   * @param {import("../viewer.js").Viewer} viewer
   */
  constructor(viewer, from, done) {
    this.viewer = viewer;
    this.done = done;
    this.stage = viewer.find("stage");
    const { canvas } = viewer.scene;
    this.layer = document.createElement("canvas");
    this.layer.className = "vmap-move";
    this.layer.width = canvas.width;
    this.layer.height = canvas.height;
    this.context = this.layer.getContext("2d", { alpha: false });
    this.image = this.context.createImageData(canvas.width, canvas.height);
    this.words = new Uint32Array(this.image.data.buffer);
    this.#points(from);
    canvas.after(this.layer);
    this.stage.classList.add("vmap-moving");
    viewer.pointing.hide();
    this.since = null;
    // Whoever touches the map wants to go on.
    this.stop = () => this.end();
    for (const event of ["pointerdown", "wheel", "keydown"]) this.stage.addEventListener(event, this.stop, { capture: true, passive: true });
    this.#draw(0);
    this.request = requestAnimationFrame((now) => this.#frame(now));
  }

  #points(from) {
    const { scene, camera, codes, coloring } = this.viewer;
    const { grid, colors, paper, highlighted } = scene;
    const { width, height } = this.layer, ratio = width / camera.width;
    const by = codes[coloring.key], rows = [];
    for (let row = 0; row < by.length && rows.length < MOST; row++) {
      if (grid.has(row) && from.grid.has(row) && (!highlighted || highlighted[row])) rows.push(row);
    }
    const at = (view, its) => {
      const found = new Float32Array(2 * rows.length);
      let mx = 0, my = 0;
      rows.forEach((row, i) => {
        mx += found[2 * i] = (its.x(row) - view.x) * view.scale * ratio + width / 2;
        my += found[2 * i + 1] = (view.y - its.y(row)) * view.scale * ratio + height / 2;
      });
      const middle = [mx / Math.max(1, rows.length), my / Math.max(1, rows.length)];
      for (let i = 0; i < found.length; i++) found[i] -= middle[i % 2];
      return { found, middle };
    };
    const a = at(from, from.grid), b = at(camera, grid);
    this.begun = a.middle;
    this.aim = b.middle;
    this.start = a.found;
    this.turned = turning(a.found, b.found);
    const [m0, m1, m2, m3] = this.turned(1);
    // What each point goes by itself.
    this.own = new Float32Array(a.found.length);
    const lengths = new Float32Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const x = a.found[2 * i], y = a.found[2 * i + 1];
      const dx = (this.own[2 * i] = b.found[2 * i] - m0 * x - m1 * y), dy = (this.own[2 * i + 1] = b.found[2 * i + 1] - m2 * x - m3 * y);
      lengths[i] = dx * dx + dy * dy;
    }
    const limit = lengths.slice().sort()[Math.floor((1 - FARTHEST) * rows.length)] ?? 0;
    const strong = colors.map(pixel), pale = colors.map((color) => pixel(mixed(color, paper, 0.6)));
    // The strong ones are drawn last.
    this.order = new Uint32Array(rows.length);
    let put = 0;
    for (const strongOnes of [false, true]) {
      for (let i = 0; i < rows.length; i++) if (lengths[i] > limit === strongOnes) this.order[put++] = i;
      if (!strongOnes) this.far = rows.length - put;
    }
    this.colors = Uint32Array.from(rows, (row, i) => (lengths[i] > limit ? strong : pale)[by[row]]);
    this.spans = [0, 1].map((more) => disc(Math.max(1, Math.round(scene.side() * ratio)) + more));
    this.paper = pixel(paper);
  }

  #frame(now) {
    // The first frame may be one that waited while the map was put on the stage: its time is that of before.
    this.since ??= performance.now();
    const t = Math.min(1, Math.max(0, now - this.since) / LASTS_MS);
    this.#draw(t * t * (3 - 2 * t));
    // Until the picture below is drawn.
    const { pictures } = this.viewer.scene;
    if (t < 1 || pictures.next || pictures.shown?.revision !== pictures.revision) this.request = requestAnimationFrame((next) => this.#frame(next));
    else this.end();
  }

  #draw(t) {
    const { words, start, own, order, colors, layer: { width, height } } = this;
    const [m0, m1, m2, m3] = this.turned(t);
    const { begun, aim } = this, mx = begun[0] + (aim[0] - begun[0]) * t, my = begun[1] + (aim[1] - begun[1]) * t;
    words.fill(this.paper);
    const strongFrom = order.length - this.far;
    for (let k = 0; k < order.length; k++) {
      const i = order[k], x = start[2 * i], y = start[2 * i + 1];
      const spans = this.spans[k >= strongFrom ? 1 : 0], side = spans.length;
      const left = Math.round(mx + m0 * x + m1 * y + t * own[2 * i] - side / 2), top = Math.round(my + m2 * x + m3 * y + t * own[2 * i + 1] - side / 2);
      if (left < 0 || top < 0 || left + side > width || top + side > height) continue;
      const color = colors[i];
      // Not by `fill`, which takes much longer for so few pixels.
      for (let dy = 0, at = top * width + left; dy < side; dy++, at += width) {
        for (let pixelAt = at + spans[dy]; pixelAt < at + side - spans[dy]; pixelAt++) words[pixelAt] = color;
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }

  end() {
    if (!this.done) return;
    const { done } = this;
    this.done = null;
    cancelAnimationFrame(this.request);
    for (const event of ["pointerdown", "wheel", "keydown"]) this.stage.removeEventListener(event, this.stop, { capture: true });
    this.layer.remove();
    this.stage.classList.remove("vmap-moving");
    done();
  }
}
