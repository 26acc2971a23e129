// Topic names on the map: chosen so that none overlaps another, each rendered once.

const FONTS = [[600, 14.5], [600, 12.5], [500, 11.5]];
const FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif';
const WIDEST = 20;
const GAP = 5;
// Between a label and the edge of the view.
const EDGE = 3;

const LINES = 3;
const RIGHT_TO_LEFT = /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/u;

/** How much room a text takes, in letters: characters of Chinese, Japanese and Korean take two. */
const widthOf = (text) => [...text].reduce((sum, ch) => sum + (/[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]/.test(ch) ? 2 : 1), 0);

/** A text without blanks in pieces that fit a line. */
function piecesOf(text) {
  const pieces = [""];
  for (const ch of text) {
    if (widthOf(pieces.at(-1) + ch) > WIDEST) pieces.push("");
    pieces[pieces.length - 1] += ch;
  }
  return pieces;
}

/** A name in lines of at most WIDEST letters, broken after its terms where possible, else between words; three at most. */
export function linesOf(name) {
  const lines = [];
  const put = (part, joint) => {
    const last = lines.length - 1;
    if (last >= 0 && widthOf(lines[last] + joint + part) <= WIDEST) lines[last] += joint + part;
    else lines.push(...piecesOf(part));
  };
  const terms = name.split(/(?<=,)\s+/);
  for (const term of terms) {
    if (widthOf(term) <= WIDEST) put(term, " ");
    else for (const word of term.split(/\s+/)) put(word, " ");
  }
  if (lines.length <= LINES) return lines;
  return [...lines.slice(0, LINES - 1), `${lines[LINES - 1].replace(/[\s,]+$/, "")}…`];
}

/** The zoom from which labels of a level are shown, and the zoom up to which. */
const since = (level) => (level === 0 ? 0 : 1.7 * 2.1 ** (level - 1));
const until = (level, levels) => (level + 2 < levels ? since(level + 2) * 1.6 : Infinity);

/** How far a box must be moved so that it leaves another one, in each of the four ways. */
const waysOut = ({ x, y, w, h }, { x0, y0, x1, y1 }) => [
  { dx: x0 - w - x, dy: 0 }, { dx: x1 + w - x, dy: 0 }, { dx: 0, dy: y0 - h - y }, { dx: 0, dy: y1 + h - y },
];

const overlap = (box, { x0, y0, x1, y1 }) => box.x - box.w < x1 && box.x + box.w > x0 && box.y - box.h < y1 && box.y + box.h > y0;

export class Labels {
  constructor() {
    this.items = [];
    /** What lies above the map, such as buttons: boxes in CSS pixels. @type {{ x0: number, y0: number, x1: number, y1: number }[]} */
    this.covered = [];
    this.scale = null;
    // Drawn names, each from when it is first needed: most levels never are, and a map that is shown again has its own.
    /** @type {WeakMap<object, { canvas: HTMLCanvasElement, width: number, height: number }>} */
    this.sprites = new WeakMap();
    this.look = "";
  }

  /** Set the topics and their colors. */
  set(topics, { ink, paper }, ratio) {
    const look = [ink, paper, ratio].join();
    if (look !== this.look) [this.look, this.sprites] = [look, new WeakMap()];
    const spriteOf = (topic) => {
      if (!this.sprites.has(topic)) this.sprites.set(topic, this.#sprite(topic, ink, paper, ratio));
      return this.sprites.get(topic);
    };
    const levels = 1 + Math.max(0, ...topics.map((topic) => topic.level));
    const ordered = [...topics].sort((a, b) => a.level - b.level || b.count - a.count);
    this.items = ordered.map((topic) => ({ topic, get sprite() { return spriteOf(topic); }, alpha: 0, wanted: 0, levels }));
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
    context.direction = RIGHT_TO_LEFT.test(topic.name) ? "rtl" : "ltr";
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
      const { topic } = item;
      item.wanted = 0;
      if (zoom < since(topic.level) || zoom > until(topic.level, item.levels)) continue;
      const { sprite } = item;
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
    const taken = [];
    for (const item of this.items) {
      const wanted = shown && this.#inside(item, camera, taken) ? item.wanted : 0;
      const off = wanted - item.alpha;
      item.alpha = Math.abs(off) < 0.1 || camera.still.matches ? wanted : item.alpha + 0.3 * off;
      if (item.alpha !== wanted) changing = true;
      if (item.alpha === 0) continue;
      const { width, height, canvas } = item.sprite;
      const [x, y] = item.at ?? camera.at(item.topic.x, item.topic.y);
      if (x < -width || y < -height || x > camera.width + width || y > camera.height + height) continue;
      context.globalAlpha = item.alpha * strength;
      context.drawImage(canvas, Math.round(x - width / 2), Math.round(y - height / 2), width, height);
    }
    context.globalAlpha = 1;
    return changing;
  }

  /** The labels in view as texts: lines, the middle in CSS pixels, and the font. */
  texts(camera) {
    const taken = [];
    return this.items.filter((item) => this.#inside(item, camera, taken) && item.wanted).map(({ topic, at: [x, y] }) => {
      const [weight, size] = FONTS[Math.min(topic.level, FONTS.length - 1)];
      return { lines: linesOf(topic.name), x, y, weight, size };
    });
  }

  /**
   * Whether a label has room: one whose position is in view is moved inwards, and out from under buttons, until it is
   * seen whole, and left out where another one stands then.
   */
  #inside(item, camera, taken) {
    const [x, y] = camera.at(item.topic.x, item.topic.y);
    item.at = [x, y];
    if (!item.wanted) return true;
    const { width, height } = item.sprite;
    // It leaves the view with its position.
    if (x < 0 || y < 0 || x > camera.width || y > camera.height) return !this.covered.some((one) => overlap({ x, y, w: width / 2, h: height / 2 }, one));
    const moved = (at, size, room) => (size + 2 * EDGE > room ? room / 2 : Math.min(Math.max(at, size / 2 + EDGE), room - size / 2 - EDGE));
    item.at = [moved(x, width, camera.width), moved(y, height, camera.height)];
    const box = { x: item.at[0], y: item.at[1], w: width / 2, h: height / 2 };
    if (!this.#uncovered(box, camera)) return false;
    item.at = [box.x, box.y];
    if (taken.some((b) => Math.abs(b.x - box.x) < b.w + box.w && Math.abs(b.y - box.y) < b.h + box.h)) return false;
    taken.push(box);
    return true;
  }

  /** Move a box out from under what covers it, the shortest way that stays in view; false if there is none. */
  #uncovered(box, camera) {
    const over = this.covered.filter((one) => overlap(box, one));
    if (!over.length) return true;
    const ways = over.flatMap((one) => waysOut(box, one)).sort((a, b) => Math.abs(a.dx + a.dy) - Math.abs(b.dx + b.dy));
    const way = ways.find(({ dx, dy }) => {
      const moved = { ...box, x: box.x + dx, y: box.y + dy };
      const inView = moved.x >= box.w && moved.y >= box.h && moved.x <= camera.width - box.w && moved.y <= camera.height - box.h;
      return inView && !this.covered.some((one) => overlap(moved, one));
    });
    if (!way) return false;
    box.x += way.dx;
    box.y += way.dy;
    return true;
  }

  /** The boxes of the labels that are seen, for tests: name, left, top, right, bottom. */
  boxes(camera) {
    const taken = [];
    return this.items
      .filter((item) => this.#inside(item, camera, taken) && item.wanted)
      .map(({ topic, at, sprite: { width, height } }) => ({
        name: topic.name, left: at[0] - width / 2, top: at[1] - height / 2, right: at[0] + width / 2, bottom: at[1] + height / 2,
      }))
      .filter(({ left, top, right, bottom }) => right > 0 && bottom > 0 && left < camera.width && top < camera.height);
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
