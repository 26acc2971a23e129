// The viewer: it shows the map that a source provides.

import { element } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { onTheme, theme } from "../shared/theme.js";
import { Card, QuestionList, lineKey } from "./cards.js";
import { flyToQuestion, flyToRow, uncover } from "./flights.js";
import { lensOf } from "./lens.js";
import { Names } from "./labeling/names.js";
import { Labeling } from "./labeling/panel.js";
import { Legend } from "./legend.js";
import { Pointing } from "./pointing.js";
import { Scene } from "./scene.js";
import { articleCard, leave } from "./picked.js";
import { TitleSearch } from "./search.js";
import { SearchBox } from "./searchbox.js";
import { Maps } from "./sides/maps.js";
import { beyond } from "./strip.js";
import { onSave } from "./saving.js";
import { Texts } from "./texts.js";
import { offerShading, onToggles } from "./toggles.js";
import { onPrint } from "./printing.js";
import { Address } from "./work/address.js";
import { reasons } from "./why.js";
import { Workbench } from "./work/workbench.js";

const NEAREST = 8;
const FORMAT = 1;

/**
 * The viewer, also what a page's own scripts use: `ready`, `reload`, `setColoring`, `select`, `pickQuestion`,
 * `addQuestion`, `fly`, `filter`, `stats`, and the listeners `onselect`, `onpick` and `onhover`.
 */
export class Viewer {
  #titlesDone = null;

  /**
   * @param {any} root the element of templates/map_view.html
   * @param {{ header: () => Promise<any>, section: (name: string, of?: any) => Promise<Uint8Array> }} source a section is of the
   *   map of this header, or of the one that is shown
   * @param {any} keeper of labels; see `Labeling`
   */
  constructor(root, source, keeper) {
    this.root = root;
    this.source = source;
    this.find = (name) => root.querySelector(`.vmap-${name}`);
    this.find("blocked")?.remove();
    this.onselect = this.onhover = this.onpick = this.onask = this.onwhere = this.maskOf = this.onchange = null;
    // The condition of a page's own, which `filter` shows, and the id of the selected article.
    this.near = null;
    // `asking`: a question that has no answer yet.
    this.where = this.selectedId = this.asking = null;
    this.texts = {};
    /** Which points meet the conditions; null for all. @type {Uint8Array | null} */
    this.shown = null;
    this.scene = new Scene(this.find("stage"), {
      drawn: () => this.#idleWork(),
      settled: () => {
        this.pointing?.look();
        this.address?.changed(false);
      },
      resized: () => {
        this.insets();
        if (this.coloring) offerShading(this);
      },
    });
    this.camera = this.scene.camera;
    this.state = this.scene.state;
    this.legend = new Legend(this.find("legend"), { only: (only) => this.work.choose(this.coloring.key, only), ready: () => !this.scene.behind });
    this.card = new Card(this.find("card"), {
      text: (name, row) => this.text(name, row),
      lens: (question) => lensOf(this.source, this.header, question),
      why: (question) => reasons(question, this.scene.grid, this.camera.bounds),
      pick: (row) => this.select(row, true),
      point: (row) => this.pointing.mark(row),
      close: () => this.clear(),
    });
    this.list = new QuestionList(this.find("asked"), { pick: (index) => this.pickQuestion(index) });
    this.search = new SearchBox(root, {
      find: (text) => this.#search(text),
      go: (row) => this.#go(row),
      id: (row) => this.text("ids", row),
      matched: (rows) => this.#matched(rows),
    });
    this.maps = new Maps(this);
    this.address = new Address(this);
    this.labeling = new Labeling(this, keeper);
    this.names = new Names(this);
    this.work = new Workbench(this);
    this.pointing = new Pointing(this);
    this.#wire();
    this.scene.setTheme(theme());
    this.ready = this.reload().then(async (read) => {
      if (read && location.hash) await this.address.restore();
      return read;
    });
  }

  // ------------------------------------------------------------------ reading

  /** Read the map; false if that failed, which a notice explains. */
  async reload() {
    try {
      const header = await this.source.header();
      if (header.format !== FORMAT) throw new Error(`its format is ${header.format}, this viewer reads ${FORMAT}`);
      const first = header.colorings.find((one) => one.key === this.coloring?.key) ?? header.colorings[0];
      const [points, codes] = await Promise.all(["points", `color:${first.key}`].map((name) => this.source.section(name, header)));
      if (points.length !== 4 * header.shown || codes.length !== header.shown) {
        throw new Error(`expected ${header.shown} points, found ${points.length / 4}`);
      }
      this.#take(header, points, first, codes);
      return true;
    } catch (error) {
      this.notice(`The map could not be read: ${error.message}. Reload the page to try again.`);
      return false;
    }
  }

  #take(header, points, coloring, codes) {
    const { scene } = this;
    this.header = header;
    this.codes = { [coloring.key]: codes };
    this.texts = {};
    this.near = this.titles = null;
    this.titlesRead = new Promise((done) => (this.#titlesDone = done));
    this.state.matches = [];
    this.clear();
    const aligned = points.byteOffset % 2 ? points.slice() : points;
    this.names.forget();
    this.maps.reset(new Uint16Array(aligned.buffer, aligned.byteOffset, points.length >> 1));
    this.work.reset(header.shown);
    this.find("toggle-questions").hidden = !this.state.questions.length;
    this.fillColors(coloring.key);
    this.names.reset();
    scene.resize();
    this.#color(coloring, codes);
    this.find("search").placeholder = `Search ${count(header.shown)} titles`;
    this.notice(header.shown ? this.#painterNotice() ?? beyond(header.core) : "No article is on this map yet.");
    this.root.classList.add("vmap-ready");
    if (scene.firstDrawMs !== null) this.#idleWork();
  }

  #painterNotice() {
    const known = typeof WebGL2RenderingContext !== "undefined";
    return known ? null : "This browser has no WebGL2; the map is drawn without the graphics card, and may be slower.";
  }

  /** Offer the colorings of the header. */
  fillColors(key) {
    const options = this.header.colorings.map((one) => element("option", { value: one.key, selected: one.key === key }, one.label));
    this.find("color").replaceChildren(...options);
  }

  async setColoring(key) {
    const coloring = this.header?.colorings.find((one) => one.key === key);
    if (!coloring) return false;
    this.wanted = key;
    if (!(await this.codesOf(coloring))) {
      this.find("color").value = this.coloring.key;
      return false;
    }
    // The reader has chosen another one since.
    if (this.wanted !== key) return false;
    this.find("color").value = key;
    this.#color(coloring, this.codes[key]);
    if (this.state.selected !== null) articleCard(this);
    return true;
  }

  /** Promise the codes of a coloring; null if they cannot be read, which a notice explains. */
  async codesOf({ key, label }) {
    const { header } = this;
    try {
      const codes = this.codes[key] ?? (await this.source.section(`color:${key}`));
      if (header === this.header) this.codes[key] = codes;
      return codes;
    } catch (error) {
      this.notice(`The colors of ${label} could not be read: ${error.message}.`);
      return null;
    }
  }

  #color(coloring, codes) {
    this.coloring = coloring;
    for (const scene of this.maps.scenes) scene.setCodes(codes, coloring);
    this.work.facets.keep(coloring.key);
    this.legend.set(coloring, codes, this.work.filters.only.get(coloring.key) ?? null);
    this.legend.draw(this.scene.colors);
    offerShading(this);
    this.work.draw();
  }

  /** Read the texts once the map is drawn, titles first. */
  async #idleWork() {
    const { header } = this;
    try {
      const titles = await this.#section("titles");
      const search = await new TitleSearch().build(titles);
      if (header !== this.header) return;
      this.titles = search;
      this.#titlesDone(search);
      if (this.search.text) this.search.run();
      await this.#section("ids");
      await this.#section("snippets");
    } catch (error) {
      this.#titlesDone(null);
      if (header === this.header) this.notice(`The texts could not be read: ${error.message}. The map is shown without them.`);
    }
  }

  #section(name) {
    const { shown } = this.header;
    this.texts[name] ??= this.source.section(name).then((bytes) => new Texts(bytes).index(shown));
    return this.texts[name];
  }

  async text(name, row) {
    return (await this.#section(name)).at(row);
  }

  /** Promise the texts of rows, in their order. */
  async textsOf(name, rows) {
    return (await this.#section(name)).of(rows);
  }

  /** Promise the row of an id; null without one. */
  async rowOf(id) {
    return (await this.#section("ids")).rowOf(id);
  }

  // ------------------------------------------------------------------ highlighting

  /** Show only the rows with 1 in a mask, in addition to the legend and the search; null for all. `where` names it. */
  filter(mask, where = null) {
    this.where = where;
    this.work.set("outer", mask);
  }

  #search(text) {
    if (!this.titles) return null;
    const { filters } = this.work;
    const { rows, best } = this.titles.find(text, 50, filters.any ? filters.passing("search").mask : null);
    return { rows, best, titles: best.map((row) => this.titles.texts.at(row) || "(no title)") };
  }

  #matched(rows) {
    this.state.matches = rows && rows.length <= 1000 ? Array.from(rows) : [];
    const mask = rows && new Uint8Array(this.header.shown);
    for (const row of rows ?? []) mask[row] = 1;
    this.work.set("search", mask);
  }

  #go(row) {
    this.select(row, true);
    // On a narrow screen the map is above the list.
    this.find("stage").scrollIntoView({ block: "nearest", behavior: this.camera.still.matches ? "auto" : "smooth" });
  }

  // ------------------------------------------------------------------ picking

  select(row, fly = false) {
    if (row === null || !this.scene.grid || row < 0 || row >= this.header.shown) return this.#unselect();
    const { grid } = this.scene;
    leave(this);
    this.state.selected = row;
    this.state.near = grid.nearest(grid.x(row), grid.y(row), NEAREST, (other) => other === row).map((one) => one.row);
    articleCard(this);
    if (fly) flyToRow(this, row);
    else uncover(this, row);
    this.maps.follow(row);
    this.scene.request();
    this.pointing.hide();
    this.selectedId = null;
    this.text("ids", row).then((id) => {
      if (this.state.selected !== row) return;
      this.selectedId = id;
      this.address.changed(true);
    }, () => {});
    this.onselect?.(row);
  }

  #unselect() {
    const had = this.state.selected !== null;
    this.state.selected = null;
    this.state.near = [];
    leave(this);
    if (this.state.picked) this.card.question(this.state.picked, this.header.k);
    else this.card.hide();
    this.insets();
    this.scene.request();
    this.address.changed(had);
    if (had) this.onselect?.(null);
  }

  pickQuestion(index) {
    const question = index === null ? null : this.state.questions[index];
    if (!question) {
      this.state.picked = null;
      this.list.mark(null);
      this.find("key").hidden = true;
      if (this.state.selected === null) this.card.hide();
      this.scene.request();
      this.address.changed(true);
      return;
    }
    Object.assign(this.state, { picked: question, selected: null, near: [], around: null });
    this.list.mark(index);
    this.card.question(question, this.header.k);
    this.find("key").replaceChildren(...lineKey(question));
    this.find("key").hidden = question.x === null;
    this.insets();
    this.pointing.hide();
    if (question.x !== null) flyToQuestion(this, question);
    this.maps.followQuestion(index);
    this.scene.request();
    this.address.changed(true);
    this.onpick?.(index);
  }

  addQuestion(question) {
    const index = this.maps.add(question);
    this.list.set(this.state.questions);
    this.find("toggle-questions").hidden = false;
    this.scene.request();
    return index;
  }

  clear() {
    if (this.find("card").contains(document.activeElement)) this.find("over").focus({ preventScroll: true });
    this.pickQuestion(null);
    this.select(null);
    this.card.hide();
    this.pointing.hide();
  }

  /** Fly to a position, at so many times the scale of the whole map. */
  fly(x, y, zoom) {
    this.camera.fly({ x, y, scale: zoom * this.camera.home.scale });
  }

  stats() {
    return this.scene.stats();
  }

  // ------------------------------------------------------------------ the rest of the page

  /** Flights end in the part of the map that the card does not cover. */
  insets() {
    const card = this.find("card");
    const { clientWidth: width } = this.find("stage");
    if (this.maps?.second) {
      this.camera.inset = { left: 0, top: 0, right: 0, bottom: 0 };
      return;
    }
    const narrow = card.offsetWidth < 0.7 * width;
    this.camera.inset = {
      left: 0, top: 0,
      right: !card.hidden && narrow ? card.offsetWidth + 16 : 0,
      bottom: !card.hidden && !narrow ? card.offsetHeight : 0,
    };
  }

  notice(text) {
    const line = this.find("notice");
    line.hidden = !text;
    this.find("notice-text").textContent = text ?? "";
  }

  #wire() {
    const { root, camera, scene } = this;
    const middle = () => [camera.width / 2, camera.height / 2];
    document.addEventListener("keydown", (event) => {
      const here = root.contains(event.target) || event.target === document.body;
      if (event.key !== "Escape" || !here || event.defaultPrevented) return;
      if (this.work.tools.kind) this.work.tools.choose(null);
      else this.clear();
    });
    const zoom = (factor) => camera.glide(...middle(), factor);
    this.find("in").addEventListener("click", () => zoom(2));
    this.find("out").addEventListener("click", () => zoom(0.5));
    this.find("home").addEventListener("click", () => camera.goHome());
    onPrint(this);
    onSave(this);
    this.find("notice-close").addEventListener("click", () => this.notice(null));
    this.find("color").addEventListener("change", (event) => this.setColoring(event.target.value));
    onToggles(this);
    const again = () => {
      for (const one of this.maps.scenes) one.setTheme(theme());
      if (!this.header) return;
      this.legend.draw(scene.colors);
      this.work.facets.draw();
      offerShading(this);
    };
    onTheme(again);
  }
}
