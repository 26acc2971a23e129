// The page of the live table: asks the server it comes from, and puts every text it gets in as text.
"use strict";
(() => {
  const POLL_MS = 3000;
  const served = JSON.parse(document.getElementById("served").textContent);
  const at = (id) => document.getElementById(id);
  const wanted = new URLSearchParams(location.search).get("map");
  const now = { edition: null, map: null, header: null, ids: null, gone: false };
  const asked = [];
  // `tried`: the edition whose map was asked for; one that cannot be drawn is not asked for again.
  let viewer = null, open = null, answered = null, turn = 0, tried = null;

  // -- the server ---------------------------------------------------------------------------------------

  class Failed extends Error {
    constructor(status, told) {
      super(told.error);
      this.status = status;
      this.next = told.next;
    }
    toString() {
      return this.next ? `${this.message} ${this.next}` : this.message;
    }
  }

  async function call(path, body) {
    const options = body === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    };
    let answer;
    try {
      answer = await fetch(path, { cache: "no-store", ...options });
    } catch {
      throw new Failed(0, { error: "The server does not answer.", next: "Is vecindex serve still running?" });
    }
    if (answer.ok) return answer;
    let told = { error: `The server answered ${answer.status}.`, next: null };
    try { told = await answer.json(); } catch { /* no JSON: the status alone is told */ }
    throw new Failed(answer.status, told);
  }
  const json = async (path, body) => (await call(path, body)).json();
  const part = encodeURIComponent;

  const source = {
    header: async () => {
      // The first one who asks for a state of the table waits until its map is drawn.
      const slow = setTimeout(() => {
        at("state-line").textContent = "Drawing the map for the first time since the table changed; this takes a while …";
      }, 1200);
      let header;
      try {
        header = await json(`/api/maps/${part(now.map)}/header`);
      } finally {
        clearTimeout(slow);
      }
      now.edition = header.edition;
      now.header = header;
      now.ids = null;
      return header;
    },
    section: async (name) => {
      const path = `/api/maps/${part(now.map)}/sections/${part(name)}?edition=${part(now.edition)}`;
      return new Uint8Array(await (await call(path)).arrayBuffer());
    },
  };
  async function id_of(row) {
    if (now.ids === null) {
      const edition = now.edition;
      const ids = JSON.parse(new TextDecoder().decode(await source.section("ids")));
      if (edition !== now.edition) return id_of(row);
      now.ids = ids;
    }
    return now.ids[row];
  }

  // -- putting things on the page -----------------------------------------------------------------------

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }
  const text = (value) => element("bdi", {}, value);
  const count = (n) => n.toLocaleString("en-US");
  const percent = (share) => `${Math.round(share * 100)}%`;
  function told(id, message, wrong = false) {
    at(id).textContent = message;
    at(id).classList.toggle("wrong", wrong);
  }

  // Neighbors in one space: kept ones are told by a word and not by color alone.
  function neighbors(title, list, has_map, other = "lost") {
    const names = list.map((near) => near.title || near.id);
    const items = list.map((near, i) => {
      const fate = near.kept ? "kept" : near.row === null ? "not on the map" : other;
      const button = element(
        "button", { type: "button", class: "near", onclick: () => show(near.id, near.row) },
        element(
          "span", { class: "name" },
          element("span", { class: "title" }, text(names[i])),
          // Passages of one article have the same title.
          names.indexOf(names[i]) !== names.lastIndexOf(names[i]) ? element("span", { class: "id" }, text(near.id)) : null,
        ),
        element("span", { class: "dist" }, near.dist.toFixed(3)),
      );
      return element(
        "li", { class: near.kept ? "kept" : null }, button,
        has_map ? element("span", { class: "fate" }, fate) : null,
      );
    });
    return element(
      "div", { class: "near-list" }, element("h4", {}, title),
      items.length ? element("ol", {}, ...items) : element("p", { class: "quiet small" }, "None."),
    );
  }

  // -- questions ----------------------------------------------------------------------------------------

  const among = () => (at("among").checked && narrowed.where ? narrowed.where : null);

  async function ask(words, where, twice = false) {
    const mine = ++turn;
    told("ask-told", "Asking …");
    at("ask").setAttribute("aria-busy", "true");
    const watch = setInterval(async () => {
      try {
        const version = await json("/api/version");
        if (mine === turn && version.model.state === "loading") {
          told("ask-told", "Loading the model; only the first question waits for it …");
        }
      } catch { /* the question itself will tell */ }
    }, 700);
    try {
      const found = await json("/api/questions", { text: words, map: now.map, where, edition: now.edition });
      if (mine !== turn) return;
      remember(found);
      close();
      answer(found);
      mark(found);
      told("ask-told", found.notes.join(" "));
    } catch (error) {
      if (mine !== turn) return;
      if (error.status === 409 && !twice) {
        told("ask-told", "The table has changed; reading the map again …");
        await reload(false);
        if (mine === turn) await ask(words, where, true);
      } else {
        told("ask-told", String(error), true);
      }
    } finally {
      clearInterval(watch);
      if (mine === turn) at("ask").removeAttribute("aria-busy");
    }
  }

  function answer(found) {
    answered = found;
    const has_map = found.map !== null;
    const share = found.overlap === null ? null : Math.round(found.overlap * found.k);
    const line = !has_map
      ? "The table has no map yet, so these are its nearest articles by embedding: vecindex project makes one."
      : share === null
        ? "None of its nearest articles is on the map, so it has no place there."
        : `Overlap@${found.k} ${percent(found.overlap)}: ${share} of its ${found.k} nearest articles stay nearest on map ${found.map}.`;
    at("answer").replaceChildren(
      element("h3", {}, text(found.text)),
      element("p", { class: "overlap" }, line),
      found.where === null ? "" : element("p", { class: "quiet small" }, `Only of ${count(found.articles)} articles where `, element("code", {}, found.where)),
      neighbors("Nearest by embedding", found.nearest, has_map),
      has_map && found.on_map.length ? neighbors("Nearest on the map", found.on_map, true, "map only") : "",
    );
    panel();
  }

  // Marks of the picture that is shown: of the file's questions, and of those that were asked since.
  const marks = new Map();
  let quiet = false;

  function mark(found) {
    if (!viewer || !found.mark || found.edition !== now.edition) return;
    const key = JSON.stringify([found.text, found.where]);
    if (!marks.has(key)) marks.set(key, viewer.addQuestion({ ...found.mark, id: "asked here" }));
    quiet = true;
    viewer.pickQuestion(marks.get(key));
    quiet = false;
  }

  function picked(index) {
    if (quiet) return;
    const known = [...marks].find(([, one]) => one === index);
    if (known === undefined) return;
    const [words, where] = JSON.parse(known[0]);
    const before = asked.find((one) => one.text === words && one.where === where && one.edition === now.edition);
    at("question").value = words;
    if (before) answer(before);
    else ask(words, where);
  }

  function panel() {
    const has = at("answer").childElementCount > 0 || !at("article").hidden;
    document.querySelector(".live").classList.toggle("answered", has);
  }

  function remember(found) {
    const before = asked.findIndex((one) => one.text === found.text && one.where === found.where);
    if (before >= 0) asked.splice(before, 1);
    asked.unshift(found);
    at("history-box").hidden = asked.length < 2;
    at("history").replaceChildren(...asked.map((one) => element(
      "li", {},
      element(
        "button", { type: "button", class: "near", onclick: () => again(one) },
        element("span", { class: "title" }, text(one.text)),
        element("span", { class: "dist" }, one.overlap === null ? "" : percent(one.overlap)),
      ),
    )));
  }

  function again(one) {
    at("question").value = one.text;
    if (one.edition !== now.edition) { ask(one.text, one.where); return; }
    close();
    answer(one);
    mark(one);
  }

  at("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const words = at("question").value.trim();
    if (words) ask(words, among());
    else told("ask-told", "Type a question first.", true);
  });

  // -- an article ---------------------------------------------------------------------------------------

  async function show(id, row) {
    open = id;
    if (viewer && row !== null && row !== undefined) viewer.select(row, true);
    await read(id);
  }

  async function read(id) {
    open = id;
    const box = at("article");
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
      const fields = Object.entries(article.fields).filter(([, value]) => value !== null && value !== "");
      const shown_value = (value) => typeof value === "object" ? JSON.stringify(value) : String(value);
      box.replaceChildren(
        element("div", { class: "line" },
          element("h3", {}, text(article.title || article.id)),
          element("button", { type: "button", class: "button", onclick: close, "aria-label": "Close the article" }, "Close")),
        element("p", { class: "quiet small" }, text(article.id)),
        fields.length ? element("dl", { class: "fields small" }, ...fields.flatMap(([name, value]) => [
          element("dt", {}, text(name)), element("dd", {}, text(shown_value(value))),
        ])) : "",
        element("div", { class: "full-text", tabindex: "0" }, text(article.text)),
        article.truncated ? element("p", { class: "quiet small" }, "The model did not read it to its end.") : "",
        neighbors("Near it by embedding", around.nearest, around.map !== null && around.overlap !== null),
        around.map !== null && around.on_map.length ? neighbors("Near it on the map", around.on_map, true, "map only") : "",
      );
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
    at("article").hidden = true;
    at("article").replaceChildren();
    if (viewer) viewer.select(null);
    panel();
  }

  // -- a condition --------------------------------------------------------------------------------------

  const narrowed = { where: null };

  async function narrow(where, twice = false) {
    if (!where) {
      narrowed.where = null;
      if (viewer) viewer.filter(null);
      told("where-told", "");
      at("among").checked = false;
      at("among-box").hidden = true;
      return;
    }
    told("where-told", "Filtering …");
    try {
      const found = await json("/api/filter", { where, map: now.map, edition: now.edition });
      const bits = Uint8Array.from(atob(found.mask), (sign) => sign.charCodeAt(0));
      const mask = new Uint8Array(now.header.shown);
      for (let row = 0; row < mask.length; row++) mask[row] = (bits[row >> 3] >> (row & 7)) & 1;
      if (viewer) viewer.filter(mask);
      narrowed.where = where;
      const off = found.matching - found.shown;
      told("where-told", `${count(found.matching)} articles meet it` + (off ? `; ${count(off)} of them are not on the map.` : "."));
      at("among-box").hidden = found.matching === 0;
    } catch (error) {
      if (error.status === 409 && !twice) {
        await reload();
        await narrow(where, true);
      } else {
        viewer?.filter(null);
        narrowed.where = null;
        at("among").checked = false;
        at("among-box").hidden = true;
        told("where-told", String(error), true);
      }
    }
  }

  at("narrow").addEventListener("submit", (event) => {
    event.preventDefault();
    narrow(at("where").value.trim());
  });
  at("where").addEventListener("input", () => { if (at("where").value === "") narrow(""); });

  // -- what changes -------------------------------------------------------------------------------------

  function banner(message, can_reload) {
    at("banner").hidden = message === null;
    at("banner-text").textContent = message ?? "";
    at("reload").hidden = !can_reload;
  }

  function state(version) {
    const model = { "not loaded": "model not loaded yet", loading: "loading the model", ready: "model ready", failed: "model failed" };
    const line = [
      `${count(version.rows)} rows`, `version ${version.version}`, now.header ? now.header.model : null, model[version.model.state],
    ].filter(Boolean).join(" · ");
    if (at("state-line").textContent !== line) at("state-line").textContent = line;
  }

  async function look() {
    try {
      const version = await json("/api/version");
      if (now.gone) { now.gone = false; tried = null; banner(null, false); }
      state(version);
      if (now.edition === null && version.maps.length && version.edition !== tried) {
        await begin();
      } else if (now.map !== null && !version.maps.includes(now.map)) {
        banner(`Map ${now.map} is not there any more.`, true);
      } else if (now.edition !== null && version.edition !== now.edition) {
        banner(`There is new data: version ${version.version}, ${count(version.rows)} rows.`, true);
      } else {
        banner(null, false);
      }
    } catch (error) {
      now.gone = true;
      banner(error.status === 503 ? `${error.message} This page goes on by itself when it is back.` : String(error), false);
    }
  }

  async function reload(ask_again = true) {
    at("reload").disabled = true;
    try {
      const maps = await json("/api/maps");
      if (!maps.maps.some((map) => map.name === now.map)) { location.assign("/"); return; }
      if (!await viewer.reload()) return;
      taken();
      banner(null, false);
      if (narrowed.where) await narrow(narrowed.where);
      const reading = open;
      if (ask_again && answered && answered.edition !== now.edition) await ask(answered.text, answered.where);
      if (reading) await read(reading);
    } catch (error) {
      banner(String(error), true);
    } finally {
      at("reload").disabled = false;
    }
  }
  at("reload").addEventListener("click", () => reload());

  // The picture was read: the marks on it are those of the file's questions.
  function taken() {
    marks.clear();
    now.header.questions.forEach((question, index) => marks.set(JSON.stringify([question.text, null]), index));
  }

  function choices(maps) {
    if (maps.length < 2) return;
    const options = maps.map((map) => element("option", { value: map.name, selected: map.name === now.map }, map.name));
    const select = element(
      "select", { id: "map-choice", onchange: () => { location.search = `?map=${part(select.value)}`; } }, ...options,
    );
    at("state").append(element("label", { class: "map-choice" }, "Map ", select));
  }

  async function begin() {
    const maps = await json("/api/maps");
    tried = maps.edition;
    now.map = maps.maps.some((map) => map.name === wanted) ? wanted : maps.default;
    if (now.map === null) {
      document.querySelector(".live").classList.add("no-map");
      told("where-told", "A filter needs a map. Make one: vecindex project");
      at("where").disabled = true;
      return;
    }
    at("where").disabled = false;
    document.querySelector(".live").classList.remove("no-map");
    if (!at("map-choice")) choices(maps.maps);
    if (viewer) {
      if (await viewer.reload()) taken();
      return;
    }
    viewer = vecindexMap.create(at("map-view"), source);
    viewer.onselect = async (row) => {
      if (row === null) { if (open !== null) close(); return; }
      const id = await id_of(row);
      if (id !== open) await read(id);
    };
    viewer.onpick = picked;
    globalThis.theMap = viewer;
    if (await viewer.ready) taken();
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
})();
