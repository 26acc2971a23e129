// Drawing a box or a lasso around points, by pointer or by keys.

import { box, lasso } from "./area.js";

const HINTS = {
  box: "Box: one corner is in the middle. Move with the arrow keys; Enter selects, Esc cancels.",
  lasso: "Lasso: the first corner is in the middle. Move with the arrow keys; Space sets a corner, Enter selects, Esc cancels.",
};
const KEYS = { b: "box", l: "lasso" };

/** What the modifier keys of a drag mean; none: as chosen in the panel. */
const howOf = ({ shiftKey, altKey }) => (shiftKey && altKey ? "keep" : shiftKey ? "add" : altKey ? "remove" : null);

export class Tools {
  /** `on.drawn(area, how)` gets a polygon, `on.tool(kind)` the tool that is in hand, `on.hint(text)` what to do next. Of a
   * second map the tool is that in hand on the first one, `lead`. */
  constructor(viewer, on, lead = null) {
    this.viewer = viewer;
    this.on = on;
    this.lead = lead;
    this.kind = null;
    this.byKeys = false;
    if (lead) return;
    this.buttons = Object.fromEntries(["box", "lasso"].map((kind) => [kind, viewer.find(kind)]));
    for (const [kind, button] of Object.entries(this.buttons)) {
      button.addEventListener("click", () => this.choose(this.kind === kind ? null : kind));
    }
  }

  get #drawing() {
    return this.viewer.state.drawing;
  }

  /** Take a tool in hand; null for none. */
  choose(kind) {
    this.cancel();
    this.kind = kind;
    for (const [name, button] of Object.entries(this.buttons)) button.setAttribute("aria-pressed", String(name === kind));
    this.viewer.root.classList.toggle("vmap-drawing", kind !== null);
    this.on.tool(kind);
  }

  /** A drag from these CSS pixels begins: true if it draws. */
  begin(px, py, event) {
    const inHand = (this.lead ?? this).kind, kind = inHand ?? (event.shiftKey ? "box" : null);
    if (!kind) return false;
    this.byKeys = false;
    this.how = inHand ? howOf(event) : null;
    this.viewer.state.drawing = { kind, points: [this.viewer.camera.toMap(px, py)] };
    this.move(px, py);
    return true;
  }

  move(px, py) {
    const { kind, points } = this.#drawing;
    const at = this.viewer.camera.toMap(px, py);
    if (kind === "box") points[1] = at;
    else points.push(at);
    this.viewer.scene.request();
  }

  end() {
    const drawing = this.#drawing;
    this.viewer.state.drawing = null;
    this.viewer.scene.request();
    const { kind, points } = drawing;
    if (kind === "box") this.on.drawn(box(points[0], points[1]), this.how);
    else if (points.length > 2) this.on.drawn(lasso(points, 1.5 / this.viewer.camera.scale), this.how);
  }

  /** Give up what is being drawn; true if there was something. */
  cancel() {
    if (!this.#drawing) return false;
    this.viewer.state.drawing = null;
    if (this.byKeys) this.on.hint("");
    this.byKeys = false;
    this.viewer.scene.request();
    return true;
  }

  /** A key on the map: true if it was meant for drawing. */
  key(event) {
    const { camera, state, scene } = this.viewer;
    const middle = () => camera.toMap(camera.width / 2, camera.height / 2);
    const kind = KEYS[event.key.toLowerCase()];
    if (kind) {
      this.cancel();
      this.byKeys = state.cross = true;
      state.drawing = { kind, points: [middle()], toMiddle: true };
      this.on.hint(HINTS[kind]);
      scene.request();
      return true;
    }
    if (!this.byKeys || !state.drawing) return false;
    if (event.key === "Escape") {
      event.stopPropagation();
      return this.cancel();
    }
    if (event.key !== "Enter" && event.key !== " ") return false;
    state.drawing.points.push(middle());
    scene.request();
    if (event.key === " " && state.drawing.kind === "lasso") return true;
    this.how = howOf(event);
    this.byKeys = false;
    this.on.hint("");
    this.end();
    return true;
  }
}
