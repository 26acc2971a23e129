// Pointing at the map: what is under the pointer or finger, its tooltip, and what a click picks.

import { element, given } from "../shared/dom.js";
import { percent } from "../shared/format.js";
import { onGestures } from "./gestures.js";

// CSS pixels around a point that still count as the point.
const REACH = 9;
const FINGER = 18;

export class Pointing {
  /** @param {import("./viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.at = null;
    this.turn = 0;
    this.tip = viewer.find("tip");
    this.over = viewer.find("over");
    const { camera, scene, state } = viewer;
    const middle = () => [camera.width / 2, camera.height / 2];
    onGestures(this.over, camera, {
      point: (px, py, touch) => {
        state.cross = false;
        this.at = [px, py, touch];
        scene.request();
      },
      leave: () => {
        this.at = null;
        this.hide();
        scene.request();
      },
      pick: (px, py, touch) => this.pick(px, py, touch),
      hold: (dragging) => {
        scene.dragging = dragging;
        this.over.classList.toggle("vmap-dragging", dragging);
        if (dragging) this.hide();
        scene.request();
      },
      middle: () => {
        state.cross = true;
        this.hide();
        this.at = [...middle(), true];
      },
      enter: () => this.pick(...middle(), true),
      next: () => viewer.maps?.next && viewer.maps.show(viewer.maps.next.map),
      tools: viewer.work.tools,
    });
    this.over.addEventListener("blur", () => {
      state.cross = false;
      scene.request();
    });
  }

  /** The article at CSS pixels, or null; of a filtered map only those shown. */
  rowAt(px, py, touch) {
    const { scene, camera } = this.viewer;
    const { grid } = scene;
    const { shown } = this.viewer;
    const [x, y] = camera.toMap(px, py);
    const within = ((touch ? FINGER : REACH) + scene.side() / 2) / camera.scale;
    const skip = shown ? (row) => !shown[row] : undefined;
    return grid.nearest(x, y, 1, skip, within)[0]?.row ?? null;
  }

  #questionAt(px, py) {
    const { scene, state } = this.viewer;
    return scene.overlay.questionAt(px, py, state.questions);
  }

  /** Show what is under the pointer, when the map is still. */
  look() {
    const { viewer } = this;
    const { scene, state, camera } = viewer;
    if (!this.at || !viewer.header || scene.dragging || camera.moving || viewer.maps?.moving || state.drawing) return;
    const [px, py, touch] = this.at;
    const question = this.#questionAt(px, py);
    const row = question ? null : this.rowAt(px, py, touch);
    if (row === state.hovered && question === state.pointed) return;
    state.pointed = question;
    this.#setHovered(row);
    this.over.style.cursor = row !== null || question ? "pointer" : "";
    this.turn++;
    if (question) {
      const kept = `${percent(question.overlap)} of its nearest articles are also nearest on the map`;
      this.#show(question.text, kept, question.x, question.y, "Question");
    } else if (row !== null && row !== state.selected) this.#showArticle(row);
    else this.tip.hidden = true;
    scene.request();
  }

  /** Mark an article as if the pointer was on it; null for none. */
  mark(row) {
    this.#setHovered(row);
    this.viewer.scene.request();
  }

  #setHovered(row) {
    const { viewer } = this;
    if (row === viewer.state.hovered) return;
    viewer.state.hovered = row;
    viewer.onhover?.(row);
  }

  async #showArticle(row) {
    const { viewer, turn } = this;
    const { grid } = viewer.scene;
    const show = (title, snippet) => {
      if (turn === this.turn) this.#show(title, snippet, grid.x(row), grid.y(row));
    };
    try {
      const title = (await viewer.text("titles", row)) || (await viewer.text("ids", row));
      show(title, "");
      show(title, await viewer.text("snippets", row));
    } catch {
      show("(its title could not be read)", "");
    }
  }

  /** Show a tooltip above a position, or below it where there is no room. */
  #show(title, snippet, x, y, kind = null) {
    const { tip } = this;
    const { camera } = this.viewer;
    const [px, py] = camera.at(x, y);
    tip.replaceChildren(
      ...(kind ? [element("span", { class: "vmap-kind" }, kind)] : []),
      element("b", {}, given(title)),
      ...(snippet ? [element("span", { class: "vmap-tip-snippet" }, given(snippet))] : []),
    );
    tip.hidden = false;
    const { offsetWidth: w, offsetHeight: h } = tip;
    const left = Math.max(6, Math.min(camera.width - w - 6, px - w / 2));
    const above = py - h - 16;
    const top = above >= 6 ? above : Math.min(py + 18, camera.height - h - 6);
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  hide() {
    this.tip.hidden = true;
    this.turn++;
    this.viewer.state.pointed = null;
    this.#setHovered(null);
  }

  /** A click picks a question before an article; elsewhere it clears the selection. */
  pick(px, py, touch) {
    const { viewer } = this;
    if (!viewer.header) return;
    const { state } = viewer;
    const question = this.#questionAt(px, py);
    const row = question ? null : this.rowAt(px, py, touch);
    if (question) viewer.pickQuestion(state.questions.indexOf(question));
    else if (row !== null) viewer.select(row);
    else if (state.selected !== null) viewer.select(null);
    else viewer.clear();
  }
}
