// Topic names on the map: chosen so that none overlaps another, each rendered once.

const FONTS = [[600, 14.5], [600, 12.5], [500, 11.5]];
const FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif';
const WIDEST = 20;
const GAP = 5;

/** The terms of a name in lines of at most WIDEST letters, where possible. */
function linesOf(name) {
  const lines = [];
  for (const term of name.split(/,\s*/)) {
    const last = lines.length - 1;
    if (last >= 0 && lines[last].length + term.length + 2 <= WIDEST) lines[last] += `, ${term}`;
    else lines.push(term);
  }
  return lines.slice(0, 3).map((line, i, all) => (i < all.length - 1 ? `${line},` : line));
}

/** The zoom from which labels of a level are shown, and the zoom up to which. */
const since = (level) => (level === 0 ? 0 : 1.7 * 2.1 ** (level - 1));
const until = (level, levels) => (level + 2 < levels ? since(level + 2) * 1.6 : Infinity);

export class Labels {
  constructor() {
    this.items = [];
    this.scale = null;
  }

  /** Set the topics and their colors. */
  set(topics, { ink, paper }, ratio) {
    const levels = 1 + Math.max(0, ...topics.map((topic) => topic.level));
    const ordered = [...topics].sort((a, b) => a.level - b.level || b.count - a.count);
    this.items = ordered.map((topic) => {
      const sprite = this.#sprite(topic, ink, paper, ratio);
      return { topic, sprite, alpha: 0, wanted: 0, levels };
    });
    this.scale = null;
  }

  #sprite(topic, ink, paper, ratio) {
    const [weight, size] = FONTS[Math.min(topic.level, FONTS.length - 1)];
    const lines = linesOf(topic.name);
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("2d");
    const font = `${weight} ${size}px ${FAMILY}`;
    context.font = font;
    const high = Math.round(size * 1.16);
    const width = Math.ceil(Math.max(...lines.map((line) => context.measureText(line).width))) + 8;
    const height = lines.length * high + 8;
    canvas.width = Math.ceil(width * ratio);
    canvas.height = Math.ceil(height * ratio);
    context.scale(ratio, ratio);
    context.font = font;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    lines.forEach((line, i) => {
      const y = 4 + (i + 0.5) * high;
      context.strokeStyle = paper;
      context.globalAlpha = 0.85;
      context.lineWidth = 4;
      context.strokeText(line, width / 2, y);
      context.globalAlpha = 1;
      context.fillStyle = ink;
      context.fillText(line, width / 2, y);
    });
    return { canvas, width, height };
  }

  /** Choose the labels of a scale: coarse levels first, larger topics first; none overlaps another. */
  #choose(scale, zoom) {
    const boxes = [];
    for (const item of this.items) {
      const { topic, sprite } = item;
      item.wanted = 0;
      if (zoom < since(topic.level) || zoom > until(topic.level, item.levels)) continue;
      const x = topic.x * scale, y = -topic.y * scale;
      const w = sprite.width / 2 + GAP, h = sprite.height / 2 + GAP;
      if (boxes.some((b) => Math.abs(b.x - x) < b.w + w && Math.abs(b.y - y) < b.h + h)) continue;
      boxes.push({ x, y, w: sprite.width / 2, h: sprite.height / 2 });
      item.wanted = 1;
    }
    this.scale = scale;
  }

  /**
   * Draw them; true while some still fade in or out.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {import("./camera.js").Camera} camera
   * @param {number} strength
   * @param {boolean} shown
   */
  draw(context, camera, strength, shown) {
    if (this.scale !== camera.scale) this.#choose(camera.scale, camera.zoom);
    let changing = false;
    for (const item of this.items) {
      const wanted = shown ? item.wanted : 0;
      const off = wanted - item.alpha;
      item.alpha = Math.abs(off) < 0.1 || camera.still.matches ? wanted : item.alpha + 0.3 * off;
      if (item.alpha !== wanted) changing = true;
      if (item.alpha === 0) continue;
      const { width, height, canvas } = item.sprite;
      const [x, y] = camera.at(item.topic.x, item.topic.y);
      if (x < -width || y < -height || x > camera.width + width || y > camera.height + height) continue;
      context.globalAlpha = item.alpha * strength;
      context.drawImage(canvas, Math.round(x - width / 2), Math.round(y - height / 2), width, height);
    }
    context.globalAlpha = 1;
    return changing;
  }

  /** The labels in view as texts: lines, the middle in CSS pixels, and the font. */
  texts(camera) {
    return this.items.filter(({ wanted }) => wanted).map(({ topic }) => {
      const [weight, size] = FONTS[Math.min(topic.level, FONTS.length - 1)];
      const [x, y] = camera.at(topic.x, topic.y);
      return { lines: linesOf(topic.name), x, y, weight, size };
    });
  }

  /** The names that are in view, for tests. */
  names(camera) {
    return this.items
      .filter(({ wanted, topic }) => {
        const [x, y] = camera.at(topic.x, topic.y);
        return wanted && x >= 0 && y >= 0 && x <= camera.width && y <= camera.height;
      })
      .map(({ topic }) => topic.name);
  }
}
