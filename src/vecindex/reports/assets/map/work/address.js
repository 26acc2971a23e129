// What is shown, as the part of the page's address behind #: reloading, going back and a copied link bring it back.

import { uncover } from "../flights.js";
import { valueAt } from "../values.js";

const WAIT_MS = 250;
const LONGEST = 12_000;
const HOWS = { new: "n", add: "a", remove: "r", keep: "k" };
const HOW_OF = Object.fromEntries(Object.entries(HOWS).map(([how, letter]) => [letter, how]));

/** Characters that an address may hold are left as they are. */
const escaped = (text) => encodeURIComponent(text).replace(/%2C/g, ",").replace(/%3A/g, ":");

/** @param {Record<string, string>} values @returns {string} */
export const written = (values) => Object.entries(values).map(([name, value]) => `${name}=${escaped(value)}`).join("&");

/** The values of an address; null where it holds no state, such as a link to a section. */
export function parsed(hash) {
  const text = hash.replace(/^#/, "");
  if (text === "") return {};
  if (!text.includes("=")) return null;
  try {
    return Object.fromEntries(text.split("&").filter(Boolean).map((part) => [part.slice(0, part.indexOf("=")), decodeURIComponent(part.slice(part.indexOf("=") + 1))]));
  } catch {
    return null;
  }
}

const quotedNames = (names) => names.map((name) => `“${name}”`).join(", ");

/** What of an address could not be shown: what it names that is not there, and parts that nothing can read. */
export class Unknown {
  constructor() {
    /** @type {Record<string, Set<string>>} */
    this.missing = {};
    this.unreadable = false;
    /** Whether a selection was made on another version of the table. */
    this.otherVersion = false;
  }

  /** @param {string} kind such as "article" @param {string} name */
  add(kind, name) {
    (this.missing[kind] ??= new Set()).add(name);
  }

  /** Read a part by a function that throws where it is damaged; `otherwise` then. */
  read(parse, otherwise) {
    try {
      return parse();
    } catch {
      this.unreadable = true;
      return otherwise;
    }
  }

  /** What the page says of it; empty where all was shown. */
  toString() {
    const kinds = Object.entries(this.missing).map(([kind, names]) => `${kind} ${quotedNames([...names])}`);
    return [
      kinds.length ? `This link names what this map does not have: ${kinds.join("; ")}.` : "",
      this.unreadable ? "A part of this link is damaged and was left out." : "",
      this.otherVersion ? "This link was made on another version of the table; what it selects may differ." : "",
    ].filter(Boolean).join(" ");
  }
}

const inTenths = (area) => area.map((v) => Math.round(10 * v).toString(36)).join(".");
const fromTenths = (text) => text.split(".").map((v) => parseInt(v, 36) / 10);

/** The steps of a selection as text. */
export const stepsText = (steps) =>
  steps.map(({ how, area, state }) => `${HOWS[how]}*${area ? inTenths(area) : ""}*${state ? encodeURIComponent(JSON.stringify(state)) : ""}`).join("~");

/** The steps of a text; throws where it is no such text. */
export const stepsOf = (text) =>
  text.split("~").map((step) => {
    const [how, area, state] = step.split("*");
    const read = { how: HOW_OF[how], area: area ? fromTenths(area) : null, state: state ? JSON.parse(decodeURIComponent(state)) : null };
    if (!read.how || (read.area && (read.area.length % 2 || read.area.length < 6 || !read.area.every(Number.isFinite)))) throw new Error("no step");
    if (read.state?.f) checked(read.state.f);
    return read;
  });

/** Values by field as they are; throws where they are something else. */
function checked(fields) {
  if (typeof fields !== "object" || fields === null || !Object.values(fields).every(Array.isArray)) throw new Error("no values by field");
  return fields;
}

/** The values by field of a text; throws where it is no such text. */
export const fieldsOf = (text) => checked(JSON.parse(text));

/** Which values of a coloring are shown: names, null for none; or the two ends of a range of numbers. */
export function chosen(coloring, only) {
  const codes = [...only].sort((a, b) => a - b);
  if (coloring.kind === "category") return codes.map((code) => (code === 255 ? null : coloring.names[code]));
  return [valueAt(coloring, codes[0]), valueAt(coloring, codes.at(-1))];
}

/** The codes of chosen values; null where none of them is there. */
export function codesFor(coloring, values) {
  let codes;
  if (coloring.kind === "category") codes = values.map((one) => (one === null ? 255 : coloring.names.indexOf(one))).filter((code) => code >= 0);
  else {
    const { low, high, scale } = coloring;
    const code = (v) => Math.min(254, Math.max(0, Math.round(scale === "log" ? (254 * Math.log(v / low)) / Math.log(high / low) : (254 * (v - low)) / (high - low))));
    const [first, last] = values.map(code);
    codes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  }
  return codes.length && codes.every(Number.isInteger) ? new Set(codes) : null;
}

/** A view as text. */
const viewOf = (camera) => [camera.x.toFixed(1), camera.y.toFixed(1), camera.zoom.toPrecision(5)].join(",");

/** Show the view of a text; false where it is none. */
function shownAt(camera, text) {
  const [x, y, zoom] = text.split(",").map(Number);
  if (!Number.isFinite(x + y + zoom)) return false;
  camera.show({ x, y, scale: zoom * camera.home.scale });
  return true;
}

export class Address {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.restoring = false;
    this.works = true;
    this.timer = null;
    this.push = false;
    /** How often the reader has done something on the page. */
    this.touches = 0;
    for (const event of ["pointerdown", "wheel", "keydown"]) addEventListener(event, () => this.touches++, { capture: true, passive: true });
    addEventListener("popstate", () => this.restore());
  }

  /** Something has changed: a step that "back" returns from, or only the view. */
  changed(step) {
    if (this.restoring || !this.works || !this.viewer.header) return;
    this.push ||= step;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), WAIT_MS);
  }

  /** A question is in the address while it waits for its answer, such as for the model. */
  asks(words) {
    this.viewer.asking = words;
    this.changed(true);
    this.write();
  }

  /** Write what is shown into the address. */
  write() {
    clearTimeout(this.timer);
    const { push } = this;
    this.push = false;
    if (this.restoring || !this.viewer.header) return;
    const now = parsed(location.hash) ?? {};
    const next = this.#values();
    if (written(now) === written(next)) return;
    const hash = written(next);
    const url = hash ? `#${hash}` : location.pathname + location.search;
    // The view alone makes no step.
    const same = written({ ...now, v: "", v2: "" }) === written({ ...next, v: "", v2: "" });
    try {
      if (push && !same) history.pushState(null, "", url);
      else history.replaceState(null, "", url);
    } catch {
      // A page in a frame may have no address of its own.
      this.works = false;
    }
  }

  #values() {
    const { viewer } = this;
    const { camera, work, state, header } = viewer;
    /** @type {Record<string, string>} */
    const values = {};
    const { shown, all, second } = viewer.maps;
    if (shown !== all[0]) values.map = shown.map;
    if (second) values.side = second.about.map;
    if (second && !second.camera.isHome) values.v2 = viewOf(second.camera);
    if (!camera.isHome) values.v = viewOf(camera);
    if (viewer.coloring.key !== header.colorings[0].key) values.c = viewer.coloring.key;
    if (viewer.names.key !== null) values.n = viewer.names.key;
    const filtered = work.shownState();
    if (filtered?.f) values.f = JSON.stringify(filtered.f);
    if (filtered?.s) values.s = filtered.s;
    if (filtered?.w) values.w = filtered.w;
    if (filtered?.alone) values.alone = "1";
    if (work.selection.steps.length) {
      const text = stepsText(work.selection.steps);
      // An area holds other points once the map is laid out again.
      if (text.length < LONGEST) Object.assign(values, { sel: text, version: String(header.version) });
    }
    if (viewer.asking !== null) values.ask = viewer.asking;
    else if (state.picked) values[state.picked.id === "asked here" ? "ask" : "q"] = state.picked.id === "asked here" ? state.picked.text : state.picked.id;
    if (viewer.selectedId !== null && state.selected !== null) values.a = viewer.selectedId;
    return values;
  }

  /** Show what an address says. */
  async restore(hash = location.hash) {
    const values = parsed(hash);
    if (values === null) return;
    clearTimeout(this.timer);
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const current = () => turn === this.turn;
    const done = await this.#while(current, async () => {
      const unknown = new Unknown();
      await this.#show(values, current, unknown);
      if (current() && String(unknown)) this.viewer.notice(String(unknown));
    });
    // Not awaited: the model may have to be loaded.
    if (done && current() && values.q === undefined && values.ask !== undefined && this.viewer.onask) this.#ask(values, current);
  }

  /** Do what writes no address, and promise whether it could be done; a notice says if not. */
  async #while(current, act) {
    this.restoring = true;
    try {
      await act();
      return true;
    } catch (error) {
      // An error of a request says what to do; one of the script says nothing to a reader.
      this.viewer.notice(`Not all of what this link says could be shown.${error.status === undefined ? "" : ` ${error}`}`);
      return false;
    } finally {
      if (current()) this.restoring = false;
    }
  }

  /** Ask the question of an address. After its answer comes what else the address says, unless the reader has done something since. */
  async #ask(values, current) {
    const { viewer, touches } = this, { header } = viewer;
    const still = () => current() && touches === this.touches && header === viewer.header;
    await viewer.onask(values.ask);
    if (still()) await this.#while(current, () => this.#viewAndArticle(values, still, new Unknown()));
  }

  /** Show the maps that an address names. */
  async #maps({ map, side }, unknown) {
    const { maps } = this.viewer;
    for (const name of [map, side]) if (name !== undefined && !maps.of(name)) unknown.add("map", name);
    await maps.show(maps.of(map) ? map : maps.all[0].map, false);
    const wanted = side !== undefined && maps.of(side) && side !== maps.shown.map ? side : null;
    if (wanted !== (maps.second?.about.map ?? null)) await maps.alongside(wanted);
  }

  async #show(values, current, unknown) {
    const { viewer } = this;
    const { header, work } = viewer;
    const still = () => current() && header === viewer.header;
    await this.#maps(values, unknown);
    if (!still()) return;
    const known = values.c === undefined || header.colorings.some((one) => one.key === values.c);
    if (!known) unknown.add("color", values.c);
    await viewer.setColoring(known ? values.c ?? header.colorings[0].key : header.colorings[0].key);
    if (!(await viewer.names.set(values.n ?? null))) unknown.add("names by", values.n);
    if (!still()) return;
    unknown.otherVersion = values.sel !== undefined && values.version !== undefined && values.version !== String(header.version);
    // At once, since filters may wait for the titles: where the reader has moved on by then, the view stays there.
    const index = values.q === undefined ? -1 : viewer.state.questions.findIndex((one) => one.id === values.q);
    viewer.clear();
    if (index >= 0) viewer.pickQuestion(index);
    else if (values.q !== undefined) unknown.add("question", values.q);
    const { touches } = this;
    await Promise.all([
      this.#viewAndArticle(values, () => still() && touches === this.touches, unknown),
      work.restore(values, still, unknown),
    ]);
    if (values.q === undefined && values.ask !== undefined && !viewer.onask) unknown.add("question", values.ask);
  }

  /** Show the view of an address, and its article once the ids are read, while that `still()` is wanted. */
  async #viewAndArticle(values, still, unknown) {
    const { viewer } = this;
    this.#view(values, unknown);
    if (values.a === undefined) return;
    const row = await viewer.rowOf(values.a);
    if (!still()) return;
    if (row === null) {
      unknown.add("article", values.a);
      return;
    }
    viewer.select(row);
    this.#view(values, unknown);
  }

  #view(values, unknown) {
    const { viewer } = this, { camera, maps, state } = viewer;
    if (maps.second && values.v2 !== undefined) unknown.unreadable ||= !shownAt(maps.second.camera, values.v2);
    if (shownAt(camera, values.v ?? "")) return;
    unknown.unreadable ||= values.v !== undefined;
    // The map flies to a question.
    if (!state.picked && values.ask === undefined) camera.show(camera.home);
    if (state.selected === null) return;
    // The card must not cover the article.
    viewer.scene.fitStage();
    viewer.insets();
    uncover(viewer, state.selected);
  }
}
