// Pointing at the map: what is under the pointer or the finger, its tip, and what a click picks.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});
  const { el, given, percent, hands } = parts;

  // CSS pixels from the edge of a point that still mean it.
  const REACH = 9;
  const FINGER = 18;

  class Pointing {
    constructor(viewer) {
      this.viewer = viewer;
      this.at = null;
      this.turn = 0;
      this.tip = viewer.find("tip");
      this.over = viewer.find("over");
      const { camera, scene, state } = viewer;
      const middle = () => [camera.width / 2, camera.height / 2];
      hands(this.over, camera, {
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
      });
      this.over.addEventListener("blur", () => {
        state.cross = false;
        scene.request();
      });
    }

    /** The article at CSS pixels, of those that are lit, or null. */
    row_at(px, py, touch) {
      const { scene, camera } = this.viewer;
      const { grid, lit } = scene;
      const [x, y] = camera.place(px, py);
      const within = ((touch ? FINGER : REACH) + scene.side() / 2) / camera.scale;
      const skip = lit ? (row) => !lit[row] : undefined;
      return grid.nearest(x, y, 1, skip, within)[0]?.row ?? null;
    }

    #question_at(px, py) {
      const { scene, state } = this.viewer;
      return scene.overlay.question_at(px, py, state.questions);
    }

    /** Tell what is under the pointer, when the map stands still. */
    look() {
      const { viewer } = this;
      const { scene, state, camera } = viewer;
      if (!this.at || !viewer.header || scene.dragging || camera.moving) return;
      const [px, py, touch] = this.at;
      const question = this.#question_at(px, py);
      const row = question ? null : this.row_at(px, py, touch);
      if (row === state.hovered && question === state.pointed) return;
      state.pointed = question;
      this.#set_hovered(row);
      this.over.style.cursor = row !== null || question ? "pointer" : "";
      this.turn++;
      if (question) {
        const told = `${percent(question.overlap)} of its nearest articles are nearest on the map too`;
        this.#show(question.text, told, question.x, question.y, "Question");
      } else if (row !== null && row !== state.selected) this.#tell(row);
      else this.tip.hidden = true;
      scene.request();
    }

    #set_hovered(row) {
      const { viewer } = this;
      if (row === viewer.state.hovered) return;
      viewer.state.hovered = row;
      viewer.onhover?.(row);
    }

    async #tell(row) {
      const { viewer, turn } = this;
      const { grid } = viewer.scene;
      const told = (title, snippet) => {
        if (turn === this.turn) this.#show(title, snippet, grid.x(row), grid.y(row));
      };
      try {
        const title = (await viewer.text("titles", row)) || (await viewer.text("ids", row));
        told(title, "");
        told(title, await viewer.text("snippets", row));
      } catch {
        told("(its title could not be read)", "");
      }
    }

    /** Show a tip above a place, or below where there is no room. */
    #show(title, snippet, x, y, kind = null) {
      const { tip } = this;
      const { camera } = this.viewer;
      const [px, py] = camera.at(x, y);
      tip.replaceChildren(
        ...(kind ? [el("span", { class: "vmap-kind" }, kind)] : []),
        el("b", {}, given(title)),
        ...(snippet ? [el("span", { class: "vmap-tip-snippet" }, given(snippet))] : []),
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
      this.#set_hovered(null);
    }

    /** A click: a question before an article; where there is none, what was picked is let go. */
    pick(px, py, touch) {
      const { viewer } = this;
      if (!viewer.header) return;
      const { state } = viewer;
      const question = this.#question_at(px, py);
      const row = question ? null : this.row_at(px, py, touch);
      if (question) viewer.pick_question(state.questions.indexOf(question));
      else if (row !== null) viewer.select(row);
      else if (state.selected !== null) viewer.select(null);
      else viewer.clear();
    }
  }

  Object.assign(parts, { Pointing });
}
