// Another map at the side of the first one: selection, hover, filters, colors and the picked question are shared.

import { element, given } from "../../shared/dom.js";
import { around } from "../near.js";
import { Pointing } from "../pointing.js";
import { Scene } from "../scene.js";
import { Tools } from "../work/tools.js";

const NEAREST = 8;

/** A value that is computed again when what it comes from is another one. */
function remembered(source, made) {
  let from, found;
  return () => {
    const now = source();
    if (now !== from || found === undefined) [from, found] = [now, made(now)];
    return found;
  };
}

export class Second {
  /**
   * @param {import("../viewer.js").Viewer} viewer
   * @param {any} about the map, its grid read
   */
  constructor(viewer, about) {
    this.viewer = viewer;
    this.about = about;
    const button = (name, sign, label, act) => element("button", { type: "button", class: `vmap-${name}`, "aria-label": `${label}: ${about.map}`, title: label, onclick: act }, sign);
    const zoom = (factor) => this.camera.glide(this.camera.width / 2, this.camera.height / 2, factor);
    this.caption = element("p", { class: "vmap-caption" }, "Map ", given(viewer.maps.shown.map));
    this.stage = element(
      "div", { class: "vmap-stage vmap-second" },
      element("canvas", { class: "vmap-points", "aria-hidden": "true" }),
      element("canvas", { class: "vmap-over", tabindex: "0", role: "application", "aria-label": `Map “${about.map}”, at the side. Arrow keys move it, plus and minus zoom, 0 shows all, Enter opens the article in the middle.` }),
      element("p", { class: "vmap-caption" }, "Map ", given(about.map)),
      element("div", { class: "vmap-buttons" }, button("in", "+", "Zoom in", () => zoom(2)), button("out", "−", "Zoom out", () => zoom(0.5)), button("home", "⤢", "Show the whole map", () => this.camera.goHome())),
      element("div", { class: "vmap-tip", hidden: true, "aria-hidden": "true" }),
    );
    viewer.find("stage").append(this.caption);
    viewer.find("stage").after(this.stage);
    this.scene = new Scene(this.stage, {
      drawn: () => {},
      settled: () => {
        this.pointing.look();
        viewer.address.changed(false);
      },
    });
    this.camera = this.scene.camera;
    this.state = this.scene.state = this.#linked(viewer.state);
    this.scene.mate = viewer.scene;
    this.tools = new Tools(this, { ...viewer.work.tools.on, drawn: (area, how) => viewer.work.take(area, how, about) }, viewer.work.tools);
    this.work = { tools: this.tools };
    this.scene.setTheme(viewer.scene.theme);
    this.scene.setGrid(about.grid, about.core ?? null);
    this.scene.labelTopics(viewer.names.on(about));
    this.scene.setCodes(viewer.codes[viewer.coloring.key], viewer.coloring);
    this.scene.overlay.showLabels = viewer.scene.overlay.showLabels;
    this.scene.overlay.showQuestions = viewer.scene.overlay.showQuestions;
    this.scene.shading = viewer.scene.shading;
    this.pointing = new Pointing(/** @type {any} */ (this));
    this.scene.resize();
  }

  /** What is highlighted is what the first map highlights, where it lies on this one. */
  #linked(main) {
    const { grid } = this.about, { maps } = this.viewer;
    const near = remembered(() => main.selected, (row) => (row === null ? [] : grid.nearest(grid.x(row), grid.y(row), NEAREST, (other) => other === row).map((one) => one.row)));
    const lines = remembered(() => main.around, (its) => its && around(its.row, its.nearest.map((one) => one.row), grid));
    const here = (question) => this.questions[maps.questionsOn(maps.shown).indexOf(question)] ?? null;
    return Object.create(main, {
      positionOf: { value: (row) => [grid.x(row), grid.y(row)] },
      ...Object.fromEntries([["radius", 2], ["cross", false], ["drawing", null], ["pointed", null]].map(([name, value]) => [name, { value, writable: true }])),
      hovered: { get: () => main.hovered, set: (row) => (main.hovered = row) },
      questions: { get: () => this.questions },
      picked: { get: () => main.picked && here(main.picked) },
      near: { get: () => (main.around ? [] : near()) },
      around: { get: lines },
    });
  }

  // What pointing and drawing ask of a viewer.

  get questions() {
    return this.viewer.maps.questionsOn(this.about);
  }

  get header() {
    return this.viewer.header;
  }

  get shown() {
    return this.viewer.shown;
  }

  find = (name) => this.stage.querySelector(`.vmap-${name}`) ?? this.viewer.find(name);

  text(name, row) {
    return this.viewer.text(name, row);
  }

  select(row) {
    this.viewer.select(row);
  }

  pickQuestion(index) {
    this.viewer.pickQuestion(index);
  }

  clear() {
    this.viewer.clear();
  }

  onhover(row) {
    this.viewer.onhover?.(row);
  }

  close() {
    this.scene.close();
    this.caption.remove();
    this.stage.remove();
  }
}
