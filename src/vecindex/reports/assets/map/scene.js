// The stage: points, which of them are highlighted, the view, and the frames in which all of it is drawn.

import { Camera } from "./camera.js";
import { bytes, palette } from "./colors.js";
import { Density } from "./density.js";
import { FlatPainter } from "./flat.js";
import { GlPainter } from "./gl.js";
import { Labels } from "./labels.js";
import { Overlay } from "./overlay.js";
import { Pictures } from "./pictures.js";

const COLORS = ["paper", "ink", "quiet", "accent", "second", "line"];
const PAPER = { paper: "#ffffff", ink: "#000000", quiet: "#444444", accent: "#07555c", second: "#7a4107", line: "#bbbbbb" };
const KEPT_TIMES = 180;
// What labels keep clear of, by so many CSS pixels.
const CLEAR = 2;
const COVERS = ".vmap-buttons, .vmap-tools, .vmap-toggles, .vmap-save, .vmap-caption, .vmap-key";

const clamp = (v, least, most) => Math.min(most, Math.max(least, v));

export class Scene {
  /** `on.drawn()` follows the first complete drawing, `on.settled()` the last frame of a movement, `on.resized()`. */
  constructor(stage, on) {
    this.stage = stage;
    this.on = on;
    this.canvas = stage.querySelector(".vmap-points");
    this.over = stage.querySelector(".vmap-over");
    /** Another scene that shows the same state. @type {Scene | null} */
    this.mate = null;
    this.camera = new Camera(() => this.#request());
    this.labels = new Labels();
    this.overlay = new Overlay(this.over, this.camera, this.labels);
    this.grid = null;
    /** Whether a shade says where points lie on top of each other. */
    this.shading = true;
    this.state = {
      questions: [], picked: null, pointed: null, selected: null, hovered: null, near: [], matches: [], radius: 2,
      cross: false, drawing: null, around: null, positionOf: (row) => [this.grid.x(row), this.grid.y(row)],
    };
    // Whether the map is being dragged; and whether what is highlighted changes now, by a range that is dragged.
    this.requested = this.dragging = this.changing = false;
    /** What is to be highlighted next. @type {{ highlighted: Uint8Array | null, count: number } | null} */
    this.next = null;
    this.firstDrawMs = null;
    this.frames = 0;
    this.times = [];
    this.#open();
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(stage);
    // Buttons come and go.
    this.covers = new ResizeObserver(() => this.#cover());
    for (const one of stage.querySelectorAll(COVERS)) this.covers.observe(one);
  }

  /** Labels keep clear of the buttons above the map. */
  #cover() {
    this.labels.covered = [...this.stage.querySelectorAll(COVERS)].filter((one) => one.offsetWidth > 0)
      .map(({ offsetLeft: x, offsetTop: y, offsetWidth: w, offsetHeight: h }) => ({ x0: x - CLEAR, y0: y - CLEAR, x1: x + w + CLEAR, y1: y + h + CLEAR }));
    this.request();
  }

  /** Nothing is drawn any more. */
  close() {
    this.watch.disconnect();
    this.covers.disconnect();
    this.grid = this.mate = null;
    this.painter.close();
  }

  #open() {
    // "webgl2" or "2d" forces a painter, for tests.
    const { painter } = this.stage.closest(".vmap").dataset;
    this.emulated = painter === "webgl2";
    /** @type {GlPainter | FlatPainter} */
    this.painter = painter === "2d" ? null : GlPainter.open(this.canvas, this.emulated);
    this.painter ??= new FlatPainter(this.#fresh());
    this.pictures = new Pictures(this.painter);
    this.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.canvas.addEventListener("webglcontextrestored", () => this.#restore());
  }

  /** A canvas on which WebGL failed may be unusable for anything else. */
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
    this.painter.setPoints(this.grid.xy);
    this.setCodes(this.codes, this.coloring);
    this.#highlight({ highlighted: this.highlighted, count: this.highlightedCount });
    this.request();
  }

  /** Whether it is still drawing what was highlighted before: something else would wait. */
  get behind() {
    return this.next !== null;
  }

  /** Set the points, in the order of their rows; `core` is the box that is shown first, null for all. */
  setGrid(grid, core = null) {
    this.grid = grid;
    this.painter.setPoints(this.grid.xy);
    this.highlighted = this.next = null;
    this.highlightedCount = this.grid.length;
    this.painter.setHighlighted(new Uint8Array(this.grid.length));
    let [x0, y0, x1, y1] = this.grid.length ? [65535, 65535, 0, 0] : [0, 0, 65535, 65535];
    const { xy } = grid;
    for (let i = 0; i < xy.length; i += 2) {
      x0 = Math.min(x0, xy[i]);
      x1 = Math.max(x1, xy[i]);
      y0 = Math.min(y0, xy[i + 1]);
      y1 = Math.max(y1, xy[i + 1]);
    }
    this.pictures.bounds = { x0, y0, x1, y1 };
    // The stage may have a size, and so a view, before there are points.
    this.camera.setBounds(this.pictures.bounds, core);
    this.pictures.changed();
  }

  setCodes(codes, coloring) {
    const { order } = this.grid;
    const bySlot = new Uint8Array(order.length);
    for (let slot = 0; slot < order.length; slot++) bySlot[slot] = codes[order[slot]];
    this.codes = codes;
    this.coloring = coloring;
    this.painter.setCodes(bySlot);
    this.colors = palette(coloring, this.theme);
    this.painter.setPalette(this.colors);
    this.pictures.changed();
    this.request();
  }

  /** Set which rows are highlighted, 1 or 0 each; null for all. */
  setHighlighted(highlighted, count) {
    this.next = { highlighted, count };
    this.request();
  }

  #highlight({ highlighted, count }) {
    this.next = null;
    this.highlighted = highlighted;
    this.highlightedCount = highlighted ? count : this.grid.length;
    if (highlighted) {
      const { order } = this.grid;
      const bySlot = new Uint8Array(order.length);
      for (let slot = 0; slot < order.length; slot++) bySlot[slot] = highlighted[order[slot]];
      this.painter.setHighlighted(bySlot);
      this.bySlot = bySlot;
    }
    this.pictures.changed();
  }

  /** Set the theme, with its colors from the style sheet or others. */
  setTheme(theme, colors = null) {
    this.theme = theme;
    const style = getComputedStyle(this.stage);
    colors ??= Object.fromEntries(COLORS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.overlay.setColors(colors);
    this.paper = bytes(colors.paper);
    this.tint = bytes(colors.ink);
    if (this.coloring) {
      this.colors = palette(this.coloring, theme);
      this.painter.setPalette(this.colors);
    }
    this.labelTopics();
    this.pictures.changed();
    this.request();
  }

  labelTopics(topics = this.topics ?? []) {
    this.topics = topics;
    this.labels.set(topics, this.overlay.colors, this.ratio);
  }

  get ratio() {
    return clamp(globalThis.devicePixelRatio || 1, 1, 2);
  }

  fitStage() {
    if (this.stage.clientWidth !== this.camera.width || this.stage.clientHeight !== this.camera.height) this.resize();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    // The printed page has another stage, on which nothing is drawn.
    if (!width || !height || this.printing) return;
    const { ratio } = this;
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.pictures.forget();
    this.#cover();
    this.camera.resize(width, height);
    this.on.resized?.();
    // Not at the next frame: a resized canvas is empty.
    if (this.grid && this.firstDrawMs !== null) this.#draw(true);
    this.request();
  }

  /** The width of a point in CSS pixels: smaller for more points, larger at a higher zoom. */
  side(zoom = this.camera.zoom) {
    const base = clamp(60 / Math.max(1, this.grid.length) ** 0.27, 1.7, 9);
    const screen = clamp(Math.min(this.camera.width, this.camera.height) / 800, 0.8, 1.15);
    return Math.min(16, Math.max(1.2, base * screen * Math.max(0.7, zoom) ** 0.36));
  }

  /** How points are drawn in a view, whose scale is in screen pixels. */
  #look(view) {
    const { grid, camera } = this;
    const ratio = this.canvas.width / camera.width;
    const zoom = view.scale / ratio / camera.home.scale;
    const side = this.side(zoom);
    const { x0, y0, x1, y1 } = camera.bounds;
    // Points are translucent where many overlap; as if they were spread evenly over half of the map.
    const scale = view.scale / ratio;
    const area = Math.max(4, 0.5 * (x1 - x0 + 60) * (y1 - y0 + 60) * scale * scale);
    const alpha = clamp(1.05 / (1 + (0.45 * 0.785 * side * side * (grid.length - 1)) / area), 0.3, 0.92);
    const reach = side / scale + 1;
    const halfW = view.width / 2 / view.scale + reach, halfH = view.height / 2 / view.scale + reach;
    const ranges = grid.ranges(view.x - halfW, view.y - halfH, view.x + halfW, view.y + halfH);
    const pass = { highlighted: -1, side: side * ratio, alpha };
    const passes = this.highlighted === null ? [pass] : this.#twoPasses(pass, ratio);
    const shade = this.#shade(passes.at(-1).side / view.scale);
    return { x: view.x, y: view.y, scale: view.scale, paper: this.paper, ranges, passes, shade, count: ranges.reduce((n, [a, b]) => n + b - a, 0) };
  }

  #twoPasses(pass, ratio) {
    const none = palette({ kind: "category", names: [] }, this.theme)[255];
    const larger = clamp((this.grid.length / Math.max(1, this.highlightedCount)) ** 0.16, 1, 2);
    const side = Math.min(Math.max(pass.side, 16 * ratio), pass.side * larger);
    return [
      // All of them: it is the same whatever is highlighted.
      { highlighted: -1, side: pass.side, alpha: 0.3 * pass.alpha, plain: none },
      { highlighted: 1, side, alpha: Math.min(0.92, pass.alpha * larger) },
    ];
  }

  /** Points of a width in steps of the map, as an area. */
  #area(side) {
    return 0.785 * side * side;
  }

  get #densities() {
    const { bounds, core } = this.camera;
    return (this.grid.density ??= new Density(this.grid, core ?? bounds));
  }

  /** What shades points of a width in steps of the map; null for nothing. */
  #shade(side) {
    // The lightness of a number's color is its value, and a point alone overlaps with none.
    if (!this.shading || this.coloring.kind !== "category" || this.highlightedCount < 2) return null;
    const density = this.#densities;
    if (density.counted !== this.highlighted) density.count(this.highlighted && this.bySlot);
    density.counted = this.highlighted;
    const shade = density.shade(this.#area(side));
    return shade && { ...shade, tint: this.tint };
  }

  /** Whether points overlap so much, when the map is seen first, that a shade says more. */
  get overlaps() {
    if (!(this.grid?.length > 1) || this.coloring.kind !== "category") return false;
    return this.#densities.overlap(this.#area(this.side(1) / this.camera.home.scale));
  }

  /** Whether what is seen is shaded. */
  get shaded() {
    return Boolean(this.pictures.shown?.look.shade);
  }

  setShading(on) {
    this.shading = on;
    this.pictures.changed();
    this.request();
  }

  /** Request a frame, of both scenes where there are two. */
  request() {
    this.#request();
    this.mate?.requestOwn();
  }

  requestOwn() {
    this.#request();
  }

  #request() {
    if (this.requested) return;
    this.requested = true;
    requestAnimationFrame((now) => {
      this.requested = false;
      this.#frame(now);
    });
  }

  #frame(now) {
    if (!this.grid || !this.colors || this.camera.width <= 1) return;
    const flying = this.camera.step(now);
    const moving = flying || this.dragging || this.changing;
    this.changing = false;
    const more = this.#draw(!moving);
    if (flying || more) this.#request();
    else this.on.settled();
    this.#measure(now, moving);
  }

  #draw(still) {
    const { camera, pictures, canvas } = this;
    // One picture is completed first: else none would ever be, while a filter is dragged.
    if (this.next && (still || !pictures.unfinished)) this.#highlight(this.next);
    const ratio = canvas.width / camera.width;
    const seen = ({ x, y, scale }) => ({ x, y, scale: scale * ratio, width: canvas.width, height: canvas.height });
    const strength = this.state.picked ? 0.45 : 1;
    const more = pictures.paint(seen(camera), seen(camera.home), (view) => this.#look(view), still, this.paper, strength);
    this.state.radius = this.side() / 2;
    const fading = this.overlay.draw(this.state);
    if (pictures.shown && this.firstDrawMs === null) {
      // A picture is shown only once the graphics card has completed it.
      this.firstDrawMs = performance.now();
      this.on.drawn();
    }
    return more || fading || this.next !== null;
  }

  #measure(now, moving) {
    this.frames++;
    if (moving && this.lastFrame !== undefined) {
      this.times.push(now - this.lastFrame);
      if (this.times.length > KEPT_TIMES) this.times.shift();
    }
    this.lastFrame = moving ? now : undefined;
  }

  /** Draw everything now and return it as one canvas. */
  raster() {
    this.finish();
    const made = document.createElement("canvas");
    made.width = this.canvas.width;
    made.height = this.canvas.height;
    const context = made.getContext("2d");
    context.drawImage(this.canvas, 0, 0);
    context.drawImage(this.over, 0, 0);
    return made;
  }

  /** Draw everything now and return it as one canvas in the light theme, for printing. */
  stillPicture() {
    const theme = this.theme;
    this.setTheme("light", PAPER);
    this.pictures.forget();
    this.printing = true;
    const made = this.raster();
    this.setTheme(theme);
    return made;
  }

  /** Printing has ended. */
  endPrint() {
    this.printing = false;
    this.resize();
  }

  /** Draw until nothing is left to draw. */
  finish() {
    for (let i = 0; i < 2000 && this.#draw(true); i++) this.painter.settle();
    this.#draw(true);
  }

  stats() {
    const sorted = [...this.times].sort((a, b) => a - b);
    return {
      firstDrawMs: this.firstDrawMs,
      frames: this.frames,
      frameMs: sorted.length ? sorted[sorted.length >> 1] : null,
      drawn: this.pictures.drawn,
      painter: this.painter.name,
      pictures: this.pictures.completed,
    };
  }

  /** The color on the screen at CSS pixels, after everything is drawn. */
  pixel(x, y) {
    this.finish();
    const ratio = this.canvas.width / this.camera.width;
    return this.painter.pixel(Math.floor(x * ratio), Math.floor(y * ratio)).slice(0, 3);
  }
}
