// The page of the live table: questions, articles, a filter, and changes of the table.
import "../shared/page.js";
import { byId, element } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { Viewer } from "../map/viewer.js";
import { parsed, written } from "../map/work/address.js";
import { json, request } from "./api.js";
import { articleParts } from "./article.js";
import { Asking } from "./asking.js";
import { OnServer } from "./labels.js";
import { matching } from "./matching.js";

const POLL_MS = 3000;
const wanted = new URLSearchParams(location.search).get("map");
const live = document.querySelector(".live");
// `tried`: the state of the table whose map was requested last; a map that cannot be drawn is not requested again.
// `ids`: those of the rows of a map, with its header.
let viewer = null, open = null, tried = null, ids = null;
// Rows are those of the map that is shown, also while a newer one is read and where that fails.
const now = {
  map: null,
  gone: false,
  get header() { return viewer?.header ?? null; },
  get ["edition"]() { return viewer?.header?.edition ?? null; },
};

const part = encodeURIComponent;

const source = {
  header: async () => {
    // The first request for a state of the table waits until its map is drawn.
    const slow = setTimeout(() => {
      byId("state-line").textContent = "Drawing the map for the first time since the table changed; this takes a while …";
    }, 1200);
    try {
      return await json(`/api/maps/${part(now.map)}/header`);
    } finally {
      clearTimeout(slow);
    }
  },
  section: async (name, of = now.header) => {
    const path = `/api/maps/${part(now.map)}/sections/${part(name)}?edition=${part(of.edition)}`;
    return new Uint8Array(await (await request(path)).arrayBuffer());
  },
};

const keeper = new OnServer(now, {
  section: source.section,
  reload: () => { viewer.address.write(); return reload(false); },
  again: async () => narrowed.wanted && narrow(narrowed.wanted),
});

async function idOf(row) {
  const { header } = now;
  const all = ids?.header === header ? ids.all : JSON.parse(new TextDecoder().decode(await source.section("ids", header)));
  ids = { header, all };
  return all[row];
}

function message(id, text, wrong = false) {
  byId(id).textContent = text;
  byId(id).classList.toggle("wrong", wrong);
}

const among = () => (byId("among").checked && narrowed.where ? narrowed.where : null);

const asking = new Asking(now, { viewer: () => viewer, among, reload, show, close, panel, say: message });

function panel() {
  const has = byId("answer").childElementCount > 0 || !byId("article").hidden;
  live.classList.toggle("answered", has);
}

// -- an article ---------------------------------------------------------------------------------------

async function show(id, row) {
  if (viewer && row !== null && row !== undefined) viewer.select(row, true);
  await read(id);
}

async function read(id) {
  open = id;
  const box = byId("article");
  box.hidden = false;
  box.setAttribute("aria-busy", "true");
  panel();
  try {
    const map = now.map === null ? "" : `&map=${part(now.map)}&edition=${part(now.edition)}`;
    const [article, around] = await Promise.all([
      json(`/api/articles/${part(id)}`),
      json(`/api/articles/${part(id)}/neighbors?k=5${map}`),
    ]);
    if (open !== id) return;
    box.replaceChildren(...articleParts(article, around, now, { close, show, point: (row) => viewer?.pointing.mark(row) }));
  } catch (error) {
    if (open !== id) return;
    box.replaceChildren(element("p", { class: "wrong", role: "alert" }, String(error)));
  } finally {
    if (open === id) box.removeAttribute("aria-busy");
    box.closest("aside").scrollTop = 0;
  }
}

function close() {
  open = null;
  byId("article").hidden = true;
  byId("article").replaceChildren();
  viewer?.select(null);
  panel();
}

// -- a condition --------------------------------------------------------------------------------------

// The condition that is shown, and the one that is to be.
const narrowed = { where: null, wanted: null, turn: 0 };

async function narrow(where, twice = false) {
  const mine = ++narrowed.turn;
  if (!where) {
    showAll();
    message("where-message", "");
    return;
  }
  narrowed.wanted = where;
  message("where-message", "Filtering …");
  const { header } = now;
  try {
    const { found, mask } = await matching(where, now);
    // Another condition was given since; or another map was read, which has other rows.
    if (mine !== narrowed.turn) return;
    if (header !== now.header) { await narrow(where, twice); return; }
    viewer.filter(mask, where);
    narrowed.where = where;
    const off = found.matching - found.shown;
    message("where-message", `${count(found.matching)} ${found.matching === 1 ? "article matches" : "articles match"}` + (off ? `; ${count(off)} of them ${off === 1 ? "is" : "are"} not on the map.` : "."));
    byId("among-box").hidden = found.matching === 0;
  } catch (error) {
    if (mine !== narrowed.turn) return;
    if (error.status === 409 && !twice) {
      await reload();
      // It has shown this condition, unless the map could not be read.
      if (mine !== narrowed.turn) return;
    }
    showAll();
    message("where-message", String(error), true);
  }
}

function showAll() {
  narrowed.where = narrowed.wanted = null;
  viewer?.filter(null);
  byId("among").checked = false;
  byId("among-box").hidden = true;
}

byId("narrow").addEventListener("submit", (event) => {
  event.preventDefault();
  narrow(byId("where").value.trim());
});
byId("where").addEventListener("input", () => { if (byId("where").value === "") narrow(""); });

// -- what changes -------------------------------------------------------------------------------------

function banner(text, canReload) {
  byId("banner").hidden = text === null;
  byId("banner-text").textContent = text ?? "";
  byId("reload").hidden = !canReload;
}

const rows = (version) => `${count(version.rows)} row${version.rows === 1 ? "" : "s"}`;

function state(version) {
  const model = { "not loaded": "model not loaded yet", loading: "loading the model", ready: "model ready", failed: "model failed" };
  const line = [
    rows(version), `version ${version.version}`, now.header ? now.header.model : null, model[version.model.state],
  ].filter(Boolean).join(" · ");
  if (byId("state-line").textContent !== line) byId("state-line").textContent = line;
}

async function look() {
  try {
    const version = await json("/api/version");
    if (now.gone) { now.gone = false; tried = null; banner(null, false); }
    state(version);
    if (keeper.learn(version) && viewer) viewer.labeling.show(viewer.work.selection);
    if (now.edition === null && version.maps.length && version.edition !== tried) {
      await begin();
    } else if (now.map !== null && !version.maps.includes(now.map)) {
      banner(`The map ${now.map} no longer exists.`, true);
    } else if (now.edition !== null && version.edition !== now.edition) {
      banner(`The table has changed: version ${version.version}, ${rows(version)}.`, true);
    } else {
      banner(null, false);
    }
  } catch (error) {
    now.gone = true;
    banner(error.status === 503 ? `${error.message} This page continues by itself when it is back.` : String(error), false);
  }
}

async function reload(askAgain = true) {
  byId("reload").disabled = true;
  const values = parsed(location.hash);
  try {
    const maps = await json("/api/maps");
    if (!maps.maps.some((map) => map.name === now.map)) { location.assign("/"); return; }
    if (!await viewer.reload()) return;
    asking.reset();
    banner(null, false);
    if (narrowed.wanted) await narrow(narrowed.wanted, true);
    if (values) {
      // The question is asked again below, if at all. The condition may be newer than the address.
      const { ask, w, ...others } = values, { wanted: where } = narrowed;
      await viewer.address.restore(`#${written({ ...others, ...(where ? { w: where } : {}) })}`);
    }
    const reading = open;
    const { answered } = asking;
    if (askAgain && answered && answered.edition !== now.edition) await asking.ask(answered.text, answered.where);
    if (reading) await read(reading);
  } catch (error) {
    banner(String(error), true);
  } finally {
    byId("reload").disabled = false;
  }
}
byId("reload").addEventListener("click", () => reload());

// Maps that the viewer does not show with all their articles are opened on their own.
function choices(maps) {
  const whole = new Set(now.header.alongside.filter((one) => one.articles === one.shown).map((one) => one.map));
  byId("map-choice")?.parentElement.remove();
  if (maps.every((map) => map.name === now.map || whole.has(map.name))) return;
  const options = maps.map((map) => element("option", { value: map.name, selected: map.name === now.map }, map.name));
  const select = element(
    "select", { id: "map-choice", onchange: () => { location.search = `?map=${part(select.value)}`; } }, ...options,
  );
  byId("state").append(element("label", { class: "map-choice" }, "Open map ", select));
}

async function begin() {
  const maps = await json("/api/maps");
  tried = maps.edition;
  now.map = maps.maps.some((map) => map.name === wanted) ? wanted : maps.default;
  if (now.map === null) {
    live.classList.add("no-map");
    message("where-message", "A filter needs a map. Make one: vecindex project");
    byId("where").disabled = true;
    return;
  }
  byId("where").disabled = false;
  live.classList.remove("no-map");
  if (viewer) {
    if (await viewer.reload()) {
      asking.reset();
      choices(maps.maps);
    }
    return;
  }
  viewer = new Viewer(byId("map-view"), source, keeper);
  viewer.onselect = async (row) => {
    if (row === null) { if (open !== null) close(); return; }
    const { header } = now;
    const id = await idOf(row);
    if (id !== open && header === now.header) await read(id);
  };
  viewer.onpick = (index) => asking.picked(index);
  // What the address says.
  viewer.maskOf = async (where) => (await matching(where, now)).mask;
  viewer.onwhere = async (where) => {
    byId("where").value = where;
    await narrow(where);
  };
  viewer.onask = async (words) => {
    byId("question").value = words;
    await asking.ask(words, among());
  };
  globalThis.theMap = viewer;
  if (await viewer.ready) {
    asking.reset();
    choices(maps.maps);
  }
}

(async () => {
  try {
    await begin();
  } catch (error) {
    banner(String(error), false);
  }
  await look();
  const tick = async () => {
    if (!document.hidden) await look();
    setTimeout(tick, POLL_MS);
  };
  setTimeout(tick, POLL_MS);
})();
