// Where one looks: the middle of the view and its scale, moved by hand, by keys and by flights.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});

  const CLOSEST = 250;
  const FARTHEST = 0.6;

  class Camera {
    constructor(changed) {
      this.changed = changed;
      this.x = this.y = 32768;
      this.scale = 0.01;
      this.width = this.height = 1;
      this.bounds = { x0: 0, y0: 0, x1: 65535, y1: 65535 };
      // What stands over the map on its sides, in CSS pixels: a flight ends in the middle of the rest.
      this.inset = { left: 0, right: 0, top: 0, bottom: 0 };
      this.flight = null;
      this.aim = null;
      this.still = matchMedia("(prefers-reduced-motion: reduce)");
    }

    /** The view of the whole map. */
    get home() {
      const { x0, y0, x1, y1 } = this.bounds;
      const spare = Math.max(16, 0.045 * Math.min(this.width, this.height));
      const scale = Math.min(
        Math.max(40, this.width - 2 * spare) / Math.max(1, x1 - x0),
        Math.max(40, this.height - 2 * spare) / Math.max(1, y1 - y0),
      );
      // One point, or all at one place: a view as of a whole map.
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

    /** CSS pixels of a place. */
    at(x, y) {
      return [(x - this.x) * this.scale + this.width / 2, (this.y - y) * this.scale + this.height / 2];
    }

    /** The place at CSS pixels. */
    place(px, py) {
      return [this.x + (px - this.width / 2) / this.scale, this.y - (py - this.height / 2) / this.scale];
    }

    /** Points are elsewhere: whoever saw the whole map, or nothing yet, sees the whole map. */
    set_bounds(bounds) {
      const home = this.width > 1 && this.#is_home();
      this.bounds = bounds;
      if (home) this.#set(this.home);
    }

    /** The stage has another size: the middle stays, and what was the whole map stays the whole map. */
    resize(width, height) {
      const zoom = this.width > 1 ? this.zoom : null;
      const home = this.width > 1 && this.#is_home();
      this.width = width;
      this.height = height;
      if (home || zoom === null) this.#set(this.home);
      else this.#set({ x: this.x, y: this.y, scale: this.home.scale * zoom });
    }

    #is_home() {
      const home = this.home;
      return Math.abs(home.x - this.x) * this.scale < 1 && Math.abs(home.y - this.y) * this.scale < 1 &&
        Math.abs(this.zoom - 1) < 1e-3;
    }

    #set({ x, y, scale }) {
      const least = this.home.scale;
      const { x0, y0, x1, y1 } = this.bounds;
      this.scale = Math.min(CLOSEST * least, Math.max(FARTHEST * least, scale));
      // The map cannot be lost: some of it stays in the view.
      const over_x = (0.4 * this.width) / this.scale, over_y = (0.4 * this.height) / this.scale;
      this.x = Math.min(x1 + over_x, Math.max(x0 - over_x, x));
      this.y = Math.min(y1 + over_y, Math.max(y0 - over_y, y));
      this.changed();
    }

    /** Stop where it is. */
    halt() {
      this.flight = this.aim = null;
    }

    /** Move what is seen by CSS pixels. */
    pan(dx, dy) {
      this.halt();
      this.#set({ x: this.x - dx / this.scale, y: this.y + dy / this.scale, scale: this.scale });
    }

    /** Make it larger by a factor; the place at these CSS pixels stays under them. */
    zoom_at(px, py, factor) {
      const least = this.home.scale;
      const scale = Math.min(CLOSEST * least, Math.max(FARTHEST * least, this.scale * factor));
      const [x, y] = this.place(px, py);
      this.#set({ x: x - (px - this.width / 2) / scale, y: y + (py - this.height / 2) / scale, scale });
    }

    /** The same, smoothly; several add up. */
    glide(px, py, factor) {
      this.flight = null;
      if (this.still.matches) return this.zoom_at(px, py, factor);
      const least = this.home.scale;
      const from = this.aim?.scale ?? this.scale;
      const scale = Math.min(CLOSEST * least, Math.max(FARTHEST * least, from * factor));
      this.aim = { px, py, scale };
      this.changed();
    }

    /** Move smoothly by CSS pixels. */
    slide(dx, dy) {
      const from = this.flight?.to ?? this;
      this.fly({ x: from.x - dx / this.scale, y: from.y + dy / this.scale, scale: from.scale }, 160);
    }

    go_home() {
      this.fly(this.home);
    }

    /** Fly so that a rectangle of places fills the free part of the view, but no closer than `closest` times home. */
    fly_to_box(x0, y0, x1, y1, closest) {
      const { left, right, top, bottom } = this.inset;
      const free_w = Math.max(80, this.width - left - right), free_h = Math.max(80, this.height - top - bottom);
      const scale = Math.min(
        closest * this.home.scale,
        (0.72 * free_w) / Math.max(1, x1 - x0),
        (0.72 * free_h) / Math.max(1, y1 - y0),
      );
      const held = Math.max(scale, this.home.scale);
      this.fly({
        x: (x0 + x1) / 2 - (left - right) / 2 / held,
        y: (y0 + y1) / 2 + (top - bottom) / 2 / held,
        scale: held,
      });
    }

    /** Fly there: far ways by way of a view from above, so that one sees where one goes. */
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

    /** Move on to a time in ms; true while it moves. */
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
        this.zoom_at(px, py, done ? part : part ** 0.34);
        if (done) this.aim = null;
      }
      return this.moving;
    }
  }

  // The smoothest way between two views: J. van Wijk and W. Nuij, Smooth and efficient zooming and panning, 2003.
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

  Object.assign(parts, { Camera });
}
