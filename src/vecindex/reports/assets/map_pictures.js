// Which pictures are drawn when: the view is moved by shifting and scaling a picture of more than the view, and points
// are drawn anew beside it, some at each frame, until the new picture takes its place.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});

  // A picture reaches this share of the view beyond it on each side; a new one is begun when less than half is left.
  const MARGIN = 0.25;
  // A picture is begun anew when the view has become this much larger or smaller than it.
  const STALE = 1.3;

  class Pictures {
    constructor(painter) {
      this.painter = painter;
      // Where points are, as far as is known.
      this.bounds = { x0: 0, y0: 0, x1: 65535, y1: 65535 };
      this.revision = 0;
      this.shown = null;
      this.next = null;
      this.whole = null;
      this.spare = null;
      this.drawn = 0;
      this.completed = 0;
    }

    /** What is drawn has changed: colors, which are lit. `never_again` when what was drawn must not be seen any more. */
    changed(never_again = false) {
      this.revision++;
      if (never_again) this.whole = null;
    }

    /** Forget all pictures, as when the size of the screen changed. */
    forget() {
      for (const one of [this.shown, this.next, this.whole, this.spare]) if (one) this.painter.drop(one.picture);
      this.shown = this.next = this.whole = this.spare = null;
    }

    /**
     * Draw what a view needs, and put it on the screen; true while more is to be drawn.
     *
     * `view`: the middle `x`, `y`, `scale` in pixels of the screen a unit, `width`, `height` in pixels; `home`: the view
     * of the whole map. `look(view)` tells how points are drawn (see GlPainter.fill).
     */
    paint(view, home, look, still, paper, strength) {
      const { painter } = this;
      let more = painter.busy();
      if (!more) {
        if (this.next?.full) this.#take();
        if (this.next && !this.#fits(this.next, view)) this.#drop_next();
        if (!this.next) this.#begin(view, home, look, still);
        if (this.next) {
          this.next.full = painter.fill(this.next.picture, this.next.look, still || this.shown === null);
          more = true;
          // The very first picture is seen while it grows.
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
      if (one.is_whole) {
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

    #drop_next() {
      if (!this.next.is_whole && !this.spare) this.spare = this.next;
      else this.painter.drop(this.next.picture);
      this.next = null;
    }

    /** Whether a picture that is being drawn will be of use. */
    #fits(one, view) {
      if (one.revision !== this.revision) return false;
      if (one.is_whole) return true;
      const ratio = view.scale / one.view.scale;
      return ratio < STALE && ratio > 1 / STALE && this.#left(one, view) > 0;
    }

    /** How much of its margin is left on the narrowest side, 1 all; below 0 the view looks beyond it, at points. */
    #left(one, view) {
      const { bounds } = this;
      const room = (size, its, at, low, high) => {
        const [from, to] = [one.view[at] - its / 2 / one.view.scale, one.view[at] + its / 2 / one.view.scale];
        const [first, last] = [view[at] - size / 2 / view.scale, view[at] + size / 2 / view.scale];
        // Beyond the last point there is nothing to draw.
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

    #made(view, look, margin, is_whole) {
      const { largest } = this.painter;
      const held = Math.max(0, Math.min(margin, (largest / Math.max(view.width, view.height) - 1) / 2));
      const width = view.width + 2 * Math.round(held * view.width);
      const height = view.height + 2 * Math.round(held * view.height);
      const old = is_whole ? null : this.spare?.picture;
      if (!is_whole) this.spare = null;
      const picture = this.painter.picture(width, height, old);
      const seen = { ...view, width, height };
      return { picture, view: { ...view }, margin: Math.max(0.01, held), look: look(seen), revision: this.revision, is_whole };
    }

    /** Where pictures stand on the screen, in pixels from the upper left corner. */
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

  Object.assign(parts, { Pictures });
}
