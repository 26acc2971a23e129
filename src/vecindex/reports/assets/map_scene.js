// What is seen on the stage: points, what is lit, the view, and the frames in which it is drawn.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});
  const { Camera, Labels, Overlay, Pictures, GlPainter, FlatPainter, palette } = parts;

  const COLORS = ["paper", "ink", "quiet", "accent", "second", "line"];
  const PAPER = { paper: "#ffffff", ink: "#000000", quiet: "#444444", accent: "#07555c", second: "#7a4107", line: "#bbbbbb" };
  const KEPT_TIMES = 180;

  const held = (v, least, most) => Math.min(most, Math.max(least, v));

  class Scene {
    /** `told`: `drawn()` after the first complete drawing, `settled()` after each frame that ends a movement. */
    constructor(stage, told) {
      this.stage = stage;
      this.told = told;
      this.canvas = stage.querySelector(".vmap-points");
      this.over = stage.querySelector(".vmap-over");
      this.camera = new Camera(() => this.request());
      this.labels = new Labels();
      this.overlay = new Overlay(this.over, this.camera, this.labels);
      this.grid = null;
      this.state = {
        questions: [], picked: null, pointed: null, selected: null, hovered: null, near: [], matches: [], radius: 2,
        cross: false, place: (row) => [this.grid.x(row), this.grid.y(row)],
      };
      this.asked = false;
      this.first_draw_ms = null;
      this.frames = 0;
      this.times = [];
      this.#open();
      new ResizeObserver(() => this.resize()).observe(stage);
    }

    #open() {
      // "webgl2" or "2d" where somebody wants to choose.
      const { painter } = this.stage.closest(".vmap").dataset;
      this.emulated = painter === "webgl2";
      this.painter = painter === "2d" ? null : GlPainter.open(this.canvas, this.emulated);
      this.painter ??= new FlatPainter(this.#fresh());
      this.pictures = new Pictures(this.painter);
      this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
      this.canvas.addEventListener("webglcontextrestored", () => this.#restore());
    }

    /** A canvas that was asked for WebGL in vain may be of no use for anything else. */
    #fresh() {
      const fresh = this.canvas.cloneNode();
      this.canvas.replaceWith(fresh);
      this.canvas = fresh;
      return fresh;
    }

    #restore() {
      this.painter = GlPainter.open(this.canvas, this.emulated);
      this.pictures = new Pictures(this.painter);
      this.pictures.bounds = this.camera.bounds;
      if (!this.grid) return;
      this.painter.setPlaces(this.grid.xy);
      this.set_codes(this.codes, this.coloring);
      this.set_lit(this.lit, this.lit_count);
    }

    /** Take the points, in the order of their rows. */
    set_points(places) {
      this.grid = new parts.Grid(places);
      this.painter.setPlaces(this.grid.xy);
      this.lit = null;
      this.lit_count = this.grid.length;
      this.painter.setLit(new Uint8Array(this.grid.length));
      let [x0, y0, x1, y1] = this.grid.length ? [65535, 65535, 0, 0] : [0, 0, 65535, 65535];
      for (let i = 0; i < places.length; i += 2) {
        x0 = Math.min(x0, places[i]);
        x1 = Math.max(x1, places[i]);
        y0 = Math.min(y0, places[i + 1]);
        y1 = Math.max(y1, places[i + 1]);
      }
      this.pictures.bounds = { x0, y0, x1, y1 };
      // The stage may have had its size, and so a view, before there were points.
      this.camera.set_bounds(this.pictures.bounds);
      this.pictures.changed();
    }

    set_codes(codes, coloring) {
      const { order } = this.grid;
      const by_slot = new Uint8Array(order.length);
      for (let slot = 0; slot < order.length; slot++) by_slot[slot] = codes[order[slot]];
      this.codes = codes;
      this.coloring = coloring;
      this.painter.setCodes(by_slot);
      this.colors = palette(coloring, this.theme);
      this.painter.setPalette(this.colors);
      this.pictures.changed();
      this.request();
    }

    /** Take which rows are lit, 1 or 0 each; null for all. */
    set_lit(lit, count) {
      this.lit = lit;
      this.lit_count = lit ? count : this.grid.length;
      if (lit) {
        const { order } = this.grid;
        const by_slot = new Uint8Array(order.length);
        for (let slot = 0; slot < order.length; slot++) by_slot[slot] = lit[order[slot]];
        this.painter.setLit(by_slot);
      }
      this.pictures.changed();
      this.request();
    }

    /** Take the colors of a theme from the style sheet. */
    set_theme(theme, colors = null) {
      this.theme = theme;
      const style = getComputedStyle(this.stage);
      colors ??= Object.fromEntries(COLORS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
      this.overlay.set_colors(colors);
      this.paper = parts.bytes(colors.paper);
      if (this.coloring) {
        this.colors = palette(this.coloring, theme);
        this.painter.setPalette(this.colors);
      }
      this.label_topics();
      this.pictures.changed();
      this.request();
    }

    label_topics(topics = this.topics ?? []) {
      this.topics = topics;
      this.labels.set(topics, this.overlay.colors, this.ratio);
    }

    get ratio() {
      return held(globalThis.devicePixelRatio || 1, 1, 2);
    }

    fit_stage() {
      if (this.stage.clientWidth !== this.camera.width || this.stage.clientHeight !== this.camera.height) this.resize();
    }

    resize() {
      const { clientWidth: width, clientHeight: height } = this.stage;
      // The page on paper has another stage, on which nothing is drawn.
      if (!width || !height || this.printing) return;
      const { ratio } = this;
      for (const canvas of [this.canvas, this.over]) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
      }
      this.pictures.forget();
      this.camera.resize(width, height);
      this.told.resized?.();
      // Now, not at the next frame: a canvas of another size is empty.
      if (this.grid && this.first_draw_ms !== null) this.#draw(performance.now(), true);
      this.request();
    }

    /** The width of a point in CSS pixels: less the more there are, more the closer one looks. */
    side(zoom = this.camera.zoom) {
      const base = held(60 / Math.max(1, this.grid.length) ** 0.27, 1.7, 9);
      const screen = held(Math.min(this.camera.width, this.camera.height) / 800, 0.8, 1.15);
      return Math.min(16, Math.max(1.2, base * screen * Math.max(0.7, zoom) ** 0.36));
    }

    /** How points are drawn in a view whose scale is in pixels of the screen. */
    #look(view) {
      const { grid, camera } = this;
      const ratio = this.canvas.width / camera.width;
      const zoom = view.scale / ratio / camera.home.scale;
      const side = this.side(zoom);
      const { x0, y0, x1, y1 } = camera.bounds;
      // How often a place is painted, were the points spread evenly over half of the map.
      const scale = view.scale / ratio;
      const area = Math.max(4, 0.5 * (x1 - x0 + 60) * (y1 - y0 + 60) * scale * scale);
      const alpha = held(1.05 / (1 + (0.45 * 0.785 * side * side * (grid.length - 1)) / area), 0.3, 0.92);
      const reach = side / scale + 1;
      const half_w = view.width / 2 / view.scale + reach, half_h = view.height / 2 / view.scale + reach;
      const ranges = grid.ranges(view.x - half_w, view.y - half_h, view.x + half_w, view.y + half_h);
      const pass = { lit: -1, side: side * ratio, alpha };
      const passes = this.lit === null ? [pass] : this.#two_passes(pass, ratio);
      return { x: view.x, y: view.y, scale: view.scale, paper: this.paper, ranges, passes, count: ranges.reduce((n, [a, b]) => n + b - a, 0) };
    }

    #two_passes(pass, ratio) {
      const none = parts.palette({ kind: "category", names: [] }, this.theme)[255];
      const larger = held((this.grid.length / Math.max(1, this.lit_count)) ** 0.16, 1, 2);
      const side = Math.min(Math.max(pass.side, 16 * ratio), pass.side * larger);
      return [
        { lit: 0, side: pass.side, alpha: 0.3 * pass.alpha, plain: none },
        { lit: 1, side, alpha: Math.min(0.92, pass.alpha * larger) },
      ];
    }

    /** Ask for a frame. */
    request() {
      if (this.asked) return;
      this.asked = true;
      requestAnimationFrame((now) => {
        this.asked = false;
        this.#frame(now);
      });
    }

    #frame(now) {
      if (!this.grid || !this.colors || this.camera.width <= 1) return;
      const moving = this.camera.step(now) || this.dragging === true;
      const more = this.#draw(now, !moving);
      if (moving || more) this.request();
      else this.told.settled();
      this.#measure(now, moving);
    }

    #draw(now, still) {
      const { camera, pictures, canvas } = this;
      const ratio = canvas.width / camera.width;
      const seen = ({ x, y, scale }) => ({ x, y, scale: scale * ratio, width: canvas.width, height: canvas.height });
      const strength = this.state.picked ? 0.45 : 1;
      const more = pictures.paint(seen(camera), seen(camera.home), (view) => this.#look(view), still, this.paper, strength);
      this.state.radius = this.side() / 2;
      const fading = this.overlay.draw(this.state);
      if (pictures.shown && this.first_draw_ms === null) {
        // A picture is only shown when the graphics card told that it is whole.
        this.first_draw_ms = performance.now();
        this.told.drawn();
      }
      return more || fading;
    }

    #measure(now, moving) {
      this.frames++;
      if (moving && this.last_frame !== undefined) {
        this.times.push(now - this.last_frame);
        if (this.times.length > KEPT_TIMES) this.times.shift();
      }
      this.last_frame = moving ? now : undefined;
    }

    /** Draw all that is due, now, and return it as one canvas in the light theme; for paper. */
    still_picture() {
      const theme = this.theme;
      this.set_theme("light", PAPER);
      this.pictures.forget();
      this.printing = true;
      this.finish();
      const made = document.createElement("canvas");
      made.width = this.canvas.width;
      made.height = this.canvas.height;
      const context = made.getContext("2d");
      context.drawImage(this.canvas, 0, 0);
      context.drawImage(this.over, 0, 0);
      this.set_theme(theme);
      return made;
    }

    /** The paper is out of the way. */
    end_print() {
      this.printing = false;
      this.resize();
    }

    /** Draw until nothing is left to be drawn. */
    finish() {
      for (let i = 0; i < 2000 && this.#draw(performance.now(), true); i++) this.painter.settle();
      this.#draw(performance.now(), true);
    }

    stats() {
      const sorted = [...this.times].sort((a, b) => a - b);
      return {
        firstDrawMs: this.first_draw_ms,
        frames: this.frames,
        frameMs: sorted.length ? sorted[sorted.length >> 1] : null,
        drawn: this.pictures.drawn,
        painter: this.painter.name,
        pictures: this.pictures.completed,
      };
    }

    /** The color on the screen at CSS pixels, after all that is due was drawn. */
    pixel(x, y) {
      this.finish();
      const ratio = this.canvas.width / this.camera.width;
      return this.painter.pixel(Math.floor(x * ratio), Math.floor(y * ratio)).slice(0, 3);
    }
  }

  Object.assign(parts, { Scene });
}
