// Drawing points where there is no WebGL2: the same pictures, their pixels computed here.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});

  class FlatPainter {
    constructor(canvas) {
      this.canvas = canvas;
      this.screen = canvas.getContext("2d", { alpha: false });
      this.name = "Canvas 2D";
      this.largest = 4096;
      this.budget = 60000;
    }

    setPlaces(xy) {
      this.xy = xy;
    }

    setCodes(codes) {
      this.codes = codes;
    }

    setLit(lit) {
      this.lit = lit;
    }

    setPalette(colors) {
      this.colors = colors;
    }

    picture(width, height, old) {
      if (old && old.width === width && old.height === height) return old;
      const canvas = document.createElement("canvas");
      canvas.width = width;
      canvas.height = height;
      const context = canvas.getContext("2d");
      return { width, height, canvas, context, image: context.createImageData(width, height) };
    }

    drop() {
      // Nothing is held elsewhere.
    }

    busy() {
      return false;
    }

    /** See GlPainter.fill; a point is a square here. */
    fill(picture, look, still) {
      if (!look.begun) {
        const [r, g, b] = look.paper;
        new Uint32Array(picture.image.data.buffer).fill(new Uint32Array(Uint8Array.of(r, g, b, 255).buffer)[0]);
        look.begun = true;
        look.todo = look.passes.flatMap((pass) => look.ranges.map(([first, end]) => ({ pass, first, end })));
        look.next = 0;
      }
      const since = performance.now();
      // Whole points: what is left of one would never be used up.
      let left = Math.floor(still ? 3 * this.budget : this.budget);
      while (left > 0 && look.next < look.todo.length) {
        const range = look.todo[look.next];
        const end = Math.min(range.end, range.first + left);
        this.#splat(picture, look, range.pass, range.first, end);
        left -= end - range.first;
        range.first = end;
        if (end === range.end) look.next++;
      }
      const took = performance.now() - since;
      if (left <= 0) this.budget = Math.min(1e6, Math.max(5000, this.budget * Math.min(2, (12 * (still ? 3 : 1)) / took)));
      picture.context.putImageData(picture.image, 0, 0);
      return look.next === look.todo.length;
    }

    #splat(picture, look, pass, first, end) {
      const { width, height } = picture;
      const data = picture.image.data;
      const side = Math.max(1, Math.round(pass.side));
      const keep = 1 - pass.alpha;
      for (let slot = first; slot < end; slot++) {
        if (pass.lit >= 0 && this.lit[slot] !== pass.lit) continue;
        const left = Math.round((this.xy[2 * slot] - look.x) * look.scale + (width - side) / 2);
        const top = Math.round((look.y - this.xy[2 * slot + 1]) * look.scale + (height - side) / 2);
        if (left < 0 || top < 0 || left + side > width || top + side > height) continue;
        const color = pass.plain ?? this.colors[this.codes[slot]];
        for (let y = top; y < top + side; y++) {
          for (let at = 4 * (y * width + left), stop = at + 4 * side; at < stop; at += 4) {
            for (let c = 0; c < 3; c++) data[at + c] = color[c] * pass.alpha + data[at + c] * keep;
          }
        }
      }
    }

    show(placed, paper, strength) {
      const { screen, canvas } = this;
      screen.globalAlpha = 1;
      const ground = `rgb(${paper.join()})`;
      screen.fillStyle = ground;
      screen.fillRect(0, 0, canvas.width, canvas.height);
      for (const { picture, x, y, w, h } of placed) {
        screen.fillRect(x, y, w, h);
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

  Object.assign(parts, { FlatPainter });
}
