// What the page of a map and the notebook around it say to each other: color, filters, selection, labels.

import { codesFor } from "./work/address.js";

const WAIT_MS = 120;

/** A selection as bits, the lowest first. */
function bitsOf(mask) {
  const bits = new Uint8Array(Math.ceil(mask.length / 8));
  for (let row = 0; row < mask.length; row++) bits[row >> 3] |= mask[row] << (row & 7);
  return bits;
}

/** Offer the map to whoever wrote this page into a frame: nobody else has a page of this address. */
export async function offer(viewer) {
  if (location.href !== "about:srcdoc" || !(await viewer.ready)) return;
  addEventListener("message", (event) => {
    if (event.source !== parent || event.data?.vecindex !== "connect" || !event.ports[0]) return;
    connect(viewer, event.ports[0]);
  });
  parent.postMessage({ vecindex: "ready" }, "*");
}

function connect(viewer, port) {
  const { work, labeling: { keeper } } = viewer;
  // Labels have changed where the keeper's version has; `labels` are those last sent or taken.
  let sent = {}, timer = null, version = keeper.version, labels = "null";
  const state = () => ({ color: viewer.coloring.key, filters: work.shownState()?.f ?? {}, selection: bitsOf(work.selection.mask) });
  const say = async () => {
    const now = state();
    const news = Object.fromEntries(Object.entries(now).filter(([name, value]) => String(sent[name] && written(sent[name])) !== written(value)));
    sent = now;
    if (keeper.version !== version) {
      version = keeper.version;
      news.labels = await keeper.written();
      labels = JSON.stringify(news.labels);
    }
    if (Object.keys(news).length) port.postMessage(news);
  };
  viewer.onchange = () => {
    clearTimeout(timer);
    timer = setTimeout(() => next(say), WAIT_MS);
  };
  // One after the other: reading a color takes its time.
  let turn = Promise.resolve();
  const next = (act) => (turn = turn.then(act).catch((error) => viewer.notice(String(error))));
  port.onmessage = ({ data }) => next(async () => {
    if (data.labels !== undefined && JSON.stringify(data.labels) !== labels) {
      labels = JSON.stringify(data.labels);
      await keeper.replace(viewer, data.labels);
      version = keeper.version;
    }
    await take(viewer, data);
    // What came from the notebook is not sent back.
    const now = state();
    for (const name of Object.keys(data)) if (name in now) sent[name] = now[name];
  });
  keeper.inNotebook(viewer);
  sent = state();
}

const written = (value) => (value instanceof Uint8Array ? value.join() : JSON.stringify(value));

/** Show what the notebook has set. */
async function take(viewer, { color, filters, selection }) {
  const { work, header } = viewer;
  if (color !== undefined && color !== viewer.coloring.key) await viewer.setColoring(color);
  if (filters !== undefined && written(filters) !== written(work.shownState()?.f ?? {})) {
    for (const key of [...work.filters.only.keys()]) if (!(key in filters)) work.choose(key, null);
    for (const [key, values] of Object.entries(filters)) {
      const coloring = header.colorings.find((one) => one.key === key);
      if (coloring && (await viewer.codesOf(coloring))) work.choose(key, codesFor(coloring, values));
    }
    work.facets.keep(viewer.coloring.key);
  }
  if (selection !== undefined && written(selection) !== written(bitsOf(work.selection.mask))) {
    work.selection.set((row) => (selection[row >> 3] >> (row & 7)) & 1);
    work.showAlone(work.alone);
  }
}
