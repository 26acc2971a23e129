// When pictures are drawn. The view moves by shifting and scaling a picture that is larger than it; meanwhile the points
// are drawn again into another picture, some in each frame, until that one replaces it.

// A picture extends the view by this share on each side; a new one is started when less than half of that is left.
const MARGIN = 0.25;
// A picture is restarted when the view's scale differs from its own by more than this factor.
const STALE = 1.3;

export class Pictures {
  /** @param {import("./gl.js").GlPainter | import("./flat.js").FlatPainter} painter */
  constructor(painter) {
    this.painter = painter;
    // The extent of the points.
    this.bounds = { x0: 0, y0: 0, x1: 65535, y1: 65535 };
    this.revision = 0;
    this.shown = null;
    this.next = null;
    this.whole = null;
    this.spare = null;
    this.drawn = 0;
    this.completed = 0;
  }

  /** Colors or highlighted points have changed. */
  changed() {
    this.revision++;
  }

  /** Whether a picture of what is shown now is being drawn. */
  get unfinished() {
    return this.next !== null && !this.next.isWhole && this.next.revision === this.revision;
  }

  /** Forget all pictures, as after a change of size. */
  forget() {
    for (const one of [this.shown, this.next, this.whole, this.spare]) if (one) this.painter.drop(one.picture);
    this.painter.forget();
    this.shown = this.next = this.whole = this.spare = null;
  }

  /**
   * Draw part of what a view needs, and show it; true while more is to be drawn.
   *
   * `view`: the center `x`, `y`, `scale` in screen pixels per unit, `width`, `height` in pixels; `home`: the view of the
   * whole map. `look(view)` returns how points are drawn (see GlPainter.fill).
   */
  paint(view, home, look, still, paper, strength) {
    const { painter } = this;
    let more = painter.busy();
    if (!more) {
      if (this.next?.full) this.#take();
      if (this.next && !this.#fits(this.next, view)) this.#dropNext();
      if (!this.next) this.#begin(view, home, look, still);
      if (this.next) {
        this.next.full = painter.fill(this.next.picture, this.next.look, still || this.shown === null);
        more = true;
        // A painter that draws synchronously has finished it.
        if (this.next.full && !painter.waiting) this.#take();
      }
    }
    painter.show(this.#placed(view), paper, strength);
    return more || this.next !== null;
  }

  #take() {
    const one = this.next;
    this.next = null;
    this.completed++;
    if (one.isWhole) {
      if (this.whole) this.painter.drop(this.whole.picture);
      this.whole = one;
      return;
    }
    if (this.shown) {
      if (this.spare) this.painter.drop(this.spare.picture);
      this.spare = this.shown;
    }
    this.shown = one;
    this.drawn = one.look.count;
  }

  #dropNext() {
    if (!this.next.isWhole && !this.spare) this.spare = this.next;
    else this.painter.drop(this.next.picture);
    this.next = null;
  }

  /** Whether a picture in the making will be useful. */
  #fits(one, view) {
    if (one.revision !== this.revision) return false;
    if (one.isWhole) return true;
    const ratio = view.scale / one.view.scale;
    return ratio < STALE && ratio > 1 / STALE && this.#left(one, view) > 0;
  }

  /** The share of its margin left on the narrowest side; below 0 the view shows points beyond the picture. */
  #left(one, view) {
    const { bounds } = this;
    const room = (size, its, at, low, high) => {
      const [from, to] = [one.view[at] - its / 2 / one.view.scale, one.view[at] + its / 2 / one.view.scale];
      const [first, last] = [view[at] - size / 2 / view.scale, view[at] + size / 2 / view.scale];
      // Beyond the last point there is nothing.
      const before = from <= low ? Infinity : first - from, after = to >= high ? Infinity : to - last;
      return (Math.min(before, after) * view.scale) / size;
    };
    const x = room(view.width, one.picture.width, "x", bounds.x0, bounds.x1);
    const y = room(view.height, one.picture.height, "y", bounds.y0, bounds.y1);
    return Math.min(x, y) / one.margin;
  }

  #begin(view, home, look, still) {
    const { shown } = this;
    const due = shown === null || shown.revision !== this.revision || shown.view.scale !== view.scale;
    if (due || this.#left(shown, view) < (still ? 0.25 : 0.5)) this.next = this.#made(view, look, MARGIN, false);
    else if (still && this.whole?.revision !== this.revision) this.next = this.#made(home, look, 0.02, true);
  }

  #made(view, look, margin, isWhole) {
    const { largest } = this.painter;
    const share = Math.max(0, Math.min(margin, (largest / Math.max(view.width, view.height) - 1) / 2));
    const width = view.width + 2 * Math.round(share * view.width);
    const height = view.height + 2 * Math.round(share * view.height);
    const old = isWhole ? null : this.spare?.picture;
    if (!isWhole) this.spare = null;
    const picture = this.painter.picture(width, height, old);
    const seen = { ...view, width, height };
    return { picture, view: { ...view }, margin: Math.max(0.01, share), look: look(seen), revision: this.revision, isWhole };
  }

  /** The rectangles of the pictures to show, in pixels from the upper left corner. */
  #placed(view) {
    const first = this.shown ?? this.next;
    if (!first) return [];
    const alone = this.#left(first, view) >= 0;
    return [...(alone || !this.whole ? [] : [this.whole]), first].map(({ picture, view: its }) => {
      const zoom = view.scale / its.scale;
      const w = picture.width * zoom, h = picture.height * zoom;
      let x = (its.x - view.x) * view.scale + (view.width - w) / 2;
      let y = (view.y - its.y) * view.scale + (view.height - h) / 2;
      if (zoom === 1) [x, y] = [Math.round(x), Math.round(y)];
      return { picture, x, y, w, h };
    });
  }
}
