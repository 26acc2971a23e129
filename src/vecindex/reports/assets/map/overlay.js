// What is drawn above the points: topic names, questions, lines to a question's articles, rings around articles.

const MOST_RINGS = 150;
const REACH = 10;

function circle(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

function diamond(context, x, y, radius) {
  context.beginPath();
  context.moveTo(x, y - radius);
  context.lineTo(x + radius, y);
  context.lineTo(x, y + radius);
  context.lineTo(x - radius, y);
  context.closePath();
}

/** Where a rank is written: at its end, or as near to it as there is room. */
export function spot(at, taken) {
  const free = (x, y) => taken.every((one) => Math.hypot(one.at[0] - x, one.at[1] - y) >= one.radius);
  if (free(...at)) return at;
  for (let radius = 20; radius < 120; radius += 9) {
    for (let i = 0; i < 16; i++) {
      const angle = (i * Math.PI) / 8;
      const [x, y] = [at[0] + radius * Math.cos(angle), at[1] + radius * Math.sin(angle)];
      if (free(x, y)) return [x, y];
    }
  }
  return at;
}

export class Overlay {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./camera.js").Camera} camera
   * @param {import("./labels.js").Labels} labels
   */
  constructor(canvas, camera, labels) {
    this.context = canvas.getContext("2d");
    this.canvas = canvas;
    this.camera = camera;
    this.labels = labels;
    this.showLabels = this.showQuestions = true;
  }

  /** Set the colors, by their names in the style sheet. */
  setColors(colors) {
    this.colors = colors;
  }

  #edged(draw, color, width, halo = 3) {
    const { context, colors } = this;
    draw();
    context.strokeStyle = colors.paper;
    context.lineWidth = width + halo;
    context.stroke();
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke();
  }

  /**
   * Draw a state: `questions`, `picked` (one of them or null), `positionOf(row)`, `selected` and `hovered` rows or
   * null, `near` rows near the selected one, `around` its neighbors by embedding or null, `matches` rows found by a
   * search, `radius` of a point, `cross` whether the center is marked, `drawing` (an area being drawn, or null). Returns whether names still fade in or out.
   */
  draw(state) {
    const { context, camera, canvas } = this;
    const ratio = canvas.width / camera.width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, camera.width, camera.height);
    if (this.showQuestions) this.#marks(state);
    if (state.matches.length <= MOST_RINGS) {
      for (const row of state.matches) this.#ring(state.positionOf(row), state.radius + 4, 2, this.colors.accent);
    }
    for (const row of state.near) this.#ring(state.positionOf(row), state.radius + 3, 1.25, this.colors.accent);
    const more = this.labels.draw(context, camera, state.picked ? 0.45 : 1, this.showLabels);
    if (state.around && !state.picked) this.#lines(state.around, state);
    if (state.picked) this.#lines(state.picked, state);
    if (state.hovered !== null) this.#ring(state.positionOf(state.hovered), state.radius + 4, 2, this.colors.ink);
    if (state.selected !== null) this.#ring(state.positionOf(state.selected), state.radius + 6, 2.5, this.colors.accent);
    if (state.drawing) this.#area(state.drawing);
    if (state.cross) this.#cross();
    return more;
  }

  #ring([x, y], radius, width, color) {
    const at = this.camera.at(x, y);
    this.#edged(() => circle(this.context, ...at, radius), color, width);
  }

  /** The marks of questions; they are smaller and gray while a question or a search is active. */
  #marks({ questions, picked, pointed, matches }) {
    const { context, camera, colors } = this;
    const back = picked !== null || matches.length > 0;
    const size = Math.min(7, 4.2 + 0.9 * Math.log2(Math.max(1, camera.zoom)) + (questions.length < 60 ? 1.4 : 0));
    context.lineJoin = "miter";
    context.strokeStyle = colors.paper;
    context.lineWidth = 1.5;
    for (const question of questions) {
      if (question.x === null || question === picked) continue;
      const [x, y] = camera.at(question.x, question.y);
      if (x < -9 || y < -9 || x > camera.width + 9 || y > camera.height + 9) continue;
      diamond(context, x, y, question === pointed ? size + 2 : back ? 0.75 * size : size);
      context.fillStyle = question === pointed ? colors.accent : back ? colors.quiet : colors.ink;
      context.fill();
      context.stroke();
    }
  }

  #lines(question, state) {
    const { context, camera, colors } = this;
    if (question.x === null) return;
    const from = camera.at(question.x, question.y);
    context.lineCap = "round";
    const near = question.nearest
      .map((one, i) => ({ ...one, rank: i + 1 }))
      .filter((one) => one.row !== null)
      .map((one) => ({ ...one, at: camera.at(...state.positionOf(one.row)) }))
      // Of another map some may be missing.
      .filter(({ at }) => Number.isFinite(at[0]));
    for (const { at, kept } of near) {
      context.setLineDash([]);
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(at[0], at[1]);
      context.globalAlpha = 0.85;
      context.strokeStyle = colors.paper;
      context.lineWidth = 5.5;
      context.stroke();
      context.globalAlpha = 1;
      context.setLineDash(kept ? [] : [7, 5]);
      context.strokeStyle = kept ? colors.accent : colors.second;
      context.lineWidth = 2.25;
      context.stroke();
    }
    context.setLineDash([]);
    const mine = new Set(near.map((one) => one.row));
    for (const row of question.on_map) {
      if (!mine.has(row)) this.#ring(state.positionOf(row), state.radius + 2.5, 1.5, colors.quiet);
    }
    // An article has no mark but its ring.
    if (question === state.picked) {
      diamond(context, ...from, 10);
      context.fillStyle = colors.ink;
      context.fill();
      context.strokeStyle = colors.paper;
      context.lineWidth = 2.5;
      context.stroke();
    }
    this.#ends(near, colors, from);
  }

  /**
   * The ends of lines with their ranks, the nearest on top. Where ranks would cover each other or the question's mark,
   * they are moved aside, with a short line to their end.
   */
  #ends(near, colors, from) {
    const { context } = this;
    const taken = [{ at: from, radius: 19 }];
    for (const one of near) {
      one.label = spot(one.at, taken);
      taken.push({ at: one.label, radius: 17.5 });
    }
    for (const one of [...near].reverse()) {
      const moved = one.label !== one.at;
      if (moved) {
        this.#edged(() => {
          context.beginPath();
          context.moveTo(one.at[0], one.at[1]);
          context.lineTo(one.label[0], one.label[1]);
        }, colors.quiet, 1.25, 1.5);
        this.#dot(one.at, 4, one.kept ? colors.accent : colors.second);
      }
      this.#dot(one.label, 8.5, one.kept ? colors.accent : colors.second);
      context.fillStyle = colors.paper;
      context.font = `650 ${one.rank > 9 ? 10 : 11}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(String(one.rank), one.label[0], one.label[1] + 0.5);
    }
  }

  #dot(at, radius, color) {
    const { context, colors } = this;
    circle(context, at[0], at[1], radius);
    context.fillStyle = color;
    context.fill();
    context.strokeStyle = colors.paper;
    context.lineWidth = 2;
    context.stroke();
  }

  /** What is being drawn: a box or a lasso, to the middle of the view while keys draw it. */
  #area({ kind, points, toMiddle }) {
    const { context, camera, colors } = this;
    const all = points.map(([x, y]) => camera.at(x, y));
    if (toMiddle) all.push([camera.width / 2, camera.height / 2]);
    const [[x0, y0], [x1, y1]] = [all[0], all.at(-1)];
    const corners = kind === "box" ? [[x0, y0], [x1, y0], [x1, y1], [x0, y1]] : all;
    const path = () => {
      context.beginPath();
      for (const [x, y] of corners) context.lineTo(x, y);
      context.closePath();
    };
    path();
    context.globalAlpha = 0.12;
    context.fillStyle = colors.accent;
    context.fill("evenodd");
    context.globalAlpha = 1;
    this.#edged(path, colors.accent, 1.5, 2);
  }

  #cross() {
    const { context, camera } = this;
    const x = Math.round(camera.width / 2), y = Math.round(camera.height / 2);
    this.#edged(
      () => {
        context.beginPath();
        for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
          context.moveTo(x + 5 * dx, y + 5 * dy);
          context.lineTo(x + 13 * dx, y + 13 * dy);
        }
      },
      this.colors.accent,
      2,
    );
  }

  /** The question with its mark nearest to these CSS pixels, or null. */
  questionAt(px, py, questions) {
    if (!this.showQuestions) return null;
    let best = null, least = REACH * REACH;
    for (const question of questions) {
      if (question.x === null) continue;
      const [x, y] = this.camera.at(question.x, question.y);
      const square = (x - px) ** 2 + (y - py) ** 2;
      if (square < least) [best, least] = [question, square];
    }
    return best;
  }
}
