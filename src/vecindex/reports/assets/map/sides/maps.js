// The maps of a page: which one is shown, the control that chooses it, and another one next to it.

import { element, given } from "../../shared/dom.js";
import { count } from "../../shared/format.js";
import { flyToQuestion } from "../flights.js";
import { Grid } from "../grid.js";
import { fillStrip } from "../strip.js";
import { offerShading } from "../toggles.js";
import { Move } from "./move.js";
import { Second } from "./second.js";

/** What is known of a question on a map that it has no position on. */
const away = (question) => ({
  x: null, y: null, overlap: 0, on_map: [], nearest: question.nearest.map((one) => ({ ...one, kept: false })),
});

export class Maps {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** The page's own map, which says which articles there are, then the others. @type {any[]} */
    this.all = [];
    this.shown = null;
    /** @type {Second | null} */
    this.second = null;
    /** @type {Move | null} */
    this.move = null;
    this.turn = this.reading = 0;
    this.choice = element("select", { class: "vmap-map-choice", "aria-label": "Map", onchange: () => this.show(this.choice.value) });
    this.aside = element("button", { type: "button", class: "vmap-small vmap-aside", "aria-pressed": "false", onclick: () => this.alongside(this.second ? null : this.next.map) }, "Side by side");
    this.with = element("select", { class: "vmap-aside-choice", "aria-label": "The map at its side", onchange: () => this.alongside(this.with.value) });
    this.line = element("span", { class: "vmap-maps-line", role: "status" });
    this.control = element("div", { class: "vmap-maps", role: "group", "aria-label": "Maps" }, element("span", { "aria-hidden": "true" }, "Map"), this.choice, this.aside, this.with, this.line);
  }

  /** The scenes in which the articles are drawn. */
  get scenes() {
    return [this.viewer.scene, ...(this.second ? [this.second.scene] : [])];
  }

  /** Whether a map is on its way to another one, or still read. */
  get moving() {
    return this.move !== null || this.reading > 0;
  }

  /** The map that the control comes to next. */
  get next() {
    return this.all[(this.all.indexOf(this.shown) + 1) % this.all.length];
  }

  of(name) {
    return this.all.find((one) => one.map === name) ?? null;
  }

  /** Another page was read: its own map is shown, of these points. */
  reset(points) {
    const { header } = this.viewer;
    this.turn++;
    this.#end();
    this.#closeSecond();
    this.all = [{ ...header, grid: new Grid(points) }, ...(header.alongside ?? []).map((one) => ({ ...one }))];
    this.questions = header.questions ?? [];
    for (const one of this.all.slice(1)) this.questions.forEach((question, i) => ((question.alongside ??= {})[one.map] = one.questions[i]));
    this.shown = this.all[0];
    this.choice.replaceChildren(...this.all.map((one) => element("option", { value: one.map }, one.map)));
    this.#put();
  }

  /** The position by row of a map, and an index of it. @returns {Promise<Grid>} */
  async gridOf(one) {
    one.grid ??= await this.#read(one);
    return one.grid;
  }

  async #read(one) {
    const { source, header } = this.viewer;
    const bytes = await source.section(`positions:${one.map}`);
    const end = 4 * header.shown, bits = one.shown < header.shown ? bytes.subarray(end) : null;
    if (bytes.length !== end + (bits ? Math.ceil(header.shown / 8) : 0)) throw new Error(`expected ${header.shown} points, found ${bytes.length / 4}`);
    const points = new Uint16Array(bytes.slice(0, end).buffer);
    return new Grid(points, bits && ((row) => ((bits[row >> 3] >> (row & 7)) & 1) === 1));
  }

  /** Promise whether a map could be read; a notice explains if not. */
  async #ready(one) {
    this.reading++;
    try {
      await this.gridOf(one);
      return true;
    } catch (error) {
      this.viewer.notice(`The map “${one.map}” could not be read: ${error.message}.`);
      return false;
    } finally {
      this.reading--;
    }
  }

  /** The questions as they lie on a map; the same objects each time. */
  questionsOn(one) {
    if (one === this.all[0]) return this.questions;
    one.placed ??= new Map();
    return this.questions.map((question) => {
      if (!one.placed.has(question)) one.placed.set(question, { ...question, ...(question.alongside?.[one.map] ?? away(question)) });
      return one.placed.get(question);
    });
  }

  add(question) {
    this.questions.push(question);
    this.viewer.state.questions = this.questionsOn(this.shown);
    return this.questions.length - 1;
  }

  /** Promise that another map is shown; its points move there, unless `play` is false or motion is unwelcome. */
  async show(name, play = true) {
    const { viewer } = this, { header, camera, state, scene } = viewer;
    const one = this.of(name);
    if (!one) return false;
    const turn = ++this.turn;
    if (one === this.shown) return this.#mark();
    if (!(await this.#ready(one)) || turn !== this.turn || header !== viewer.header) return this.#mark() && false;
    this.#end();
    const before = this.shown, from = { x: camera.x, y: camera.y, scale: camera.scale, grid: scene.grid }, { zoom, isHome } = camera;
    const picked = state.questions.indexOf(state.picked);
    this.shown = one;
    this.#put();
    scene.setCodes(viewer.codes[viewer.coloring.key], viewer.coloring);
    offerShading(viewer);
    viewer.work.draw();
    const question = (state.picked = picked < 0 ? null : state.questions[picked]);
    const { selected } = state;
    if (!isHome && selected !== null && one.grid.has(selected)) camera.show({ x: one.grid.x(selected), y: one.grid.y(selected), scale: zoom * camera.home.scale });
    else camera.show(camera.home);
    if (this.second?.about === one) await this.alongside(before.map);
    const arrived = () => {
      this.move = null;
      // What was picked or closed on the way stays so.
      if (state.picked === question && state.selected === selected) {
        if (question) viewer.pickQuestion(picked);
        if (selected !== null) viewer.select(selected);
      }
      scene.request();
    };
    if (play && !camera.still.matches && from.grid.length && one.grid.length) this.move = new Move(viewer, from, arrived);
    else arrived();
    viewer.address.changed(true);
    return true;
  }

  /** Put the shown map on the stage, without colors. */
  #put() {
    const { viewer, shown } = this, { header, scene, state } = viewer;
    const own = shown === this.all[0];
    scene.setGrid(shown.grid, shown.core ?? null);
    state.questions = this.questionsOn(shown);
    viewer.list.set(state.questions);
    viewer.names.draw();
    fillStrip(viewer.find("strip"), own ? header : { ...header, ...shown, outside: header.articles - shown.articles });
    if (this.all.length > 1) viewer.find("strip").querySelector(".vmap-name").after(this.control);
    const things = `${header.by ?? "article"}s`;
    viewer.find("over").setAttribute("aria-label", `Map “${shown.map}” of ${header.table}: ${count(shown.shown)} ${things}. Arrow keys move it, plus and minus zoom, 0 shows all, Enter opens the ${header.by ?? "article"} in the middle.`);
    this.#mark();
  }

  /** Say in the control what is shown. */
  #mark() {
    const { second, shown, all } = this;
    this.choice.value = shown.map;
    this.aside.setAttribute("aria-pressed", String(second !== null));
    this.with.hidden = second === null || all.length < 3;
    this.with.replaceChildren(...all.filter((one) => one !== shown).map((one) => element("option", { value: one.map, selected: one === second?.about }, one.map)));
    const compared = shown === all[0] ? second?.about ?? null : shown;
    const known = compared && compared !== all[0] && compared.kept !== null;
    const words = `an article keeps ${known ? compared.kept.toFixed(1) : ""} of its ${compared?.neighbors} nearest, on average`;
    this.line.replaceChildren(...(known ? ["From “", given(all[0].map), "” to “", given(compared.map), `” ${words}.`] : []));
    return true;
  }

  /** Promise that a map is shown next to the other one; null for none. */
  async alongside(name) {
    const { viewer } = this;
    const one = name === null ? null : this.of(name);
    const turn = ++this.turn;
    if (one && (!(await this.#ready(one)) || turn !== this.turn)) return this.#mark() && false;
    this.#end();
    this.#closeSecond();
    viewer.root.classList.toggle("vmap-two", one !== null);
    // Over one of two maps the card would hide most of it.
    if (one) viewer.root.querySelector(".vmap-panel").prepend(viewer.find("card"));
    else viewer.find("stage").append(viewer.find("card"));
    if (one) this.second = new Second(viewer, one);
    viewer.scene.mate = this.second?.scene ?? null;
    this.#mark();
    offerShading(viewer);
    viewer.work.draw();
    viewer.scene.resize();
    viewer.insets();
    viewer.address.changed(true);
    return true;
  }

  #closeSecond() {
    const { second, viewer } = this;
    this.second = viewer.scene.mate = null;
    second?.close();
  }

  /** Bring an article into view where it is not. */
  follow(row) {
    if (!this.second) return;
    for (const { camera, grid } of this.scenes) {
      if (!grid.has(row)) continue;
      const [px, py] = camera.at(grid.x(row), grid.y(row));
      if (px < 0 || py < 0 || px > camera.width || py > camera.height) camera.fly({ x: grid.x(row), y: grid.y(row), scale: camera.scale });
    }
  }

  /** Fly to a question on the second map too. */
  followQuestion(index) {
    const question = this.second?.questions[index];
    if (question && question.x !== null) flyToQuestion(/** @type {any} */ (this.second), question);
  }

  #end() {
    this.move?.end();
    this.move = null;
  }
}
