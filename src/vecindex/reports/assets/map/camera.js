// The view: its center and its scale, moved by pointer, keys and flights.

const CLOSEST = 250;
const FARTHEST = 0.6;
// With its middle at a corner of the map, the view holds all of it below a half.
const AROUND = 0.45;

export class Camera {
  constructor(changed) {
    this.changed = changed;
    this.x = this.y = 32768;
    this.scale = 0.01;
    this.width = this.height = 1;
    this.bounds = { x0: 0, y0: 0, x1: 65535, y1: 65535 };
    // The box that is shown first where a few points lie far from all others.
    this.core = null;
    // What covers the map at its sides, in CSS pixels: a flight ends in the middle of the free part.
    this.inset = { left: 0, right: 0, top: 0, bottom: 0 };
    this.flight = null;
    this.aim = null;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /** The view that is shown first: of the whole map, or of all but a few far points. */
  get home() {
    return this.#viewOf(this.core ?? this.bounds);
  }

  /** The least scale: a little more than the whole map is then in view. */
  get least() {
    return this.core ? AROUND * this.#viewOf(this.bounds).scale : FARTHEST * this.home.scale;
  }

  #viewOf({ x0, y0, x1, y1 }) {
    const spare = Math.max(16, 0.045 * Math.min(this.width, this.height));
    const scale = Math.min(
      Math.max(40, this.width - 2 * spare) / Math.max(1, x1 - x0),
      Math.max(40, this.height - 2 * spare) / Math.max(1, y1 - y0),
    );
    // One point, or all at one position: a view as of a whole map.
    const least = Math.min(scale, Math.min(this.width, this.height) / 4000);
    return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale: least };
  }

  /** How many times larger than the whole map. */
  get zoom() {
    return this.scale / this.home.scale;
  }

  get moving() {
    return this.flight !== null || this.aim !== null;
  }

  /** The CSS pixels of a position on the map.
   * @returns {[number, number]} */
  at(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2];
  }

  /** The position on the map at CSS pixels.
   * @returns {[number, number]} */
  toMap(px, py) {
    return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scale];
  }

  /** The extent of the points has changed; a view of the whole map stays one. */
  setBounds(bounds, core = null) {
    const home = this.width > 1 && this.isHome;
    this.bounds = bounds;
    this.core = core;
    if (home) this.#set(this.home);
  }

  /** The stage has another size: the center stays, and a view of the whole map stays one. */
  resize(width, height) {
    const zoom = this.width > 1 ? this.zoom : null;
    const home = this.width > 1 && this.isHome;
    this.width = width;
    this.height = height;
    if (home || zoom === null) this.#set(this.home);
    else this.#set({ x: this.x, y: this.y, scale: this.home.scale * zoom });
  }

  /** Whether the view is the one that is shown first. */
  get isHome() {
    const home = this.home;
    return Math.abs(home.x - this.x) * this.scale < 1 && Math.abs(home.y - this.y) * this.scale < 1 &&
      Math.abs(this.zoom - 1) < 1e-3;
  }

  #set({ x, y, scale }) {
    const least = this.home.scale;
    const { x0, y0, x1, y1 } = this.bounds;
    this.scale = Math.min(CLOSEST * least, Math.max(this.least, scale));
    // Some of the map always stays in view.
    const spareX = (0.4 * this.width) / this.scale, spareY = (0.4 * this.height) / this.scale;
    this.x = Math.min(x1 + spareX, Math.max(x0 - spareX, x));
    this.y = Math.min(y1 + spareY, Math.max(y0 - spareY, y));
    this.changed();
  }

  /** Show a view at once. */
  show(view) {
    this.halt();
    this.#set(view);
  }

  /** Stop at the current view. */
  halt() {
    this.flight = this.aim = null;
  }

  /** Move the map by CSS pixels. */
  pan(dx, dy) {
    this.halt();
    this.#set({ x: this.x - dx / this.scale, y: this.y + dy / this.scale, scale: this.scale });
  }

  /** Enlarge by a factor around these CSS pixels. */
  zoomAt(px, py, factor) {
    const least = this.home.scale;
    const scale = Math.min(CLOSEST * least, Math.max(this.least, this.scale * factor));
    const [x, y] = this.toMap(px, py);
    this.#set({ x: x - (px - this.width / 2) / scale, y: y + (py - this.height / 2) / scale, scale });
  }

  /** The same, smoothly; several calls add up. */
  glide(px, py, factor) {
    this.flight = null;
    if (this.still.matches) return this.zoomAt(px, py, factor);
    const least = this.home.scale;
    const from = this.aim?.scale ?? this.scale;
    const scale = Math.min(CLOSEST * least, Math.max(this.least, from * factor));
    this.aim = { px, py, scale };
    this.changed();
  }

  /** Move smoothly by CSS pixels. */
  slide(dx, dy) {
    const from = this.flight?.to ?? this;
    this.fly({ x: from.x - dx / this.scale, y: from.y + dy / this.scale, scale: from.scale }, 160);
  }

  goHome() {
    this.fly(this.home);
  }

  /** Fly so that a rectangle of the map fills the free part of the view, at most `closest` times home. */
  flyToBox(x0, y0, x1, y1, closest) {
    const { left, right, top, bottom } = this.inset;
    const freeW = Math.max(80, this.width - left - right), freeH = Math.max(80, this.height - top - bottom);
    const scale = Math.min(
      closest * this.home.scale,
      (0.72 * freeW) / Math.max(1, x1 - x0),
      (0.72 * freeH) / Math.max(1, y1 - y0),
    );
    const final = Math.max(scale, this.home.scale);
    this.fly({
      x: (x0 + x1) / 2 - (left - right) / 2 / final,
      y: (y0 + y1) / 2 + (top - bottom) / 2 / final,
      scale: final,
    });
  }

  /** Fly to a view; a long way rises first, so that the reader sees where it leads. */
  fly(to, length = null) {
    this.aim = null;
    const from = { x: this.x, y: this.y, scale: this.scale };
    const way = flight(from, to, this.width);
    const time = length ?? Math.min(1400, Math.max(250, 260 * way.length));
    if (this.still.matches || way.length < 1e-3) {
      this.flight = null;
      this.#set(to);
      return;
    }
    this.flight = { way, to, time, since: null };
    this.changed();
  }

  /** Advance to a time in ms; true while moving. */
  step(now) {
    if (this.flight) {
      const { way, to, time } = this.flight;
      this.flight.since ??= now;
      const t = (now - this.flight.since) / time;
      if (t >= 1) this.flight = null;
      this.#set(t >= 1 ? to : way.at(t * t * (3 - 2 * t)));
    } else if (this.aim) {
      const { px, py, scale } = this.aim;
      const part = scale / this.scale;
      const done = Math.abs(Math.log(part)) < 0.004;
      this.zoomAt(px, py, done ? part : part ** 0.34);
      if (done) this.aim = null;
    }
    return this.moving;
  }
}

// The smoothest path between two views: J. van Wijk and W. Nuij, Smooth and efficient zooming and panning, 2003.
const BEND = 1.3;

function flight(from, to, width) {
  const w0 = width / from.scale, w1 = width / to.scale;
  const dx = to.x - from.x, dy = to.y - from.y;
  const far = Math.hypot(dx, dy);
  if (far < 1e-6 * w0) {
    const length = Math.abs(Math.log(w1 / w0)) / BEND;
    return { length, at: (t) => ({ x: to.x, y: to.y, scale: width / (w0 * (w1 / w0) ** t) }) };
  }
  const square = BEND * BEND;
  const r = (w, sign) => {
    const b = (w1 * w1 - w0 * w0 + sign * square * square * far * far) / (2 * w * square * far);
    return Math.log(-b + Math.sqrt(b * b + 1));
  };
  const r0 = r(w0, 1), r1 = r(w1, -1);
  const length = (r1 - r0) / BEND;
  const at = (t) => {
    const s = t * length;
    const gone = (w0 / (square * far)) * (Math.cosh(r0) * Math.tanh(BEND * s + r0) - Math.sinh(r0));
    const w = (w0 * Math.cosh(r0)) / Math.cosh(BEND * s + r0);
    return { x: from.x + gone * dx, y: from.y + gone * dy, scale: width / w };
  };
  return { length, at };
}
