// The viewer: `vecindexMap.create(root, source)` makes a map of what a source tells, and answers for what is done to it.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});
  const { Scene, Legend, SearchBox, QuestionList, Card, Texts, TitleSearch, el, count, percent, given } = parts;

  const NEAREST = 8;
  const FORMAT = 1;

  class Viewer {
    constructor(root, source) {
      this.root = root;
      this.source = source;
      this.find = (name) => root.querySelector(`.vmap-${name}`);
      this.onselect = this.onhover = this.onpick = null;
      this.outer = null;
      this.texts = {};
      this.hover_at = null;
      this.scene = new Scene(this.find("stage"), {
        drawn: () => this.#idle_work(),
        settled: () => this.#hover(),
        resized: () => this.#insets(),
      });
      this.camera = this.scene.camera;
      this.state = this.scene.state;
      this.legend = new Legend(this.find("legend"), { only: () => this.#light() });
      this.card = new Card(this.find("card"), {
        text: (name, row) => this.text(name, row),
        pick: (row) => this.select(row, true),
        close: () => this.clear(),
      });
      this.list = new QuestionList(this.find("asked"), { pick: (index) => this.pick_question(index) });
      this.search = new SearchBox(root, {
        find: (text) => this.#search(text),
        go: (row) => this.#go(row),
        marked: (rows) => this.#matched(rows),
      });
      this.#wire();
      this.scene.set_theme(theme());
    }

    // ------------------------------------------------------------------ reading

    async load() {
      try {
        const header = await this.source.header();
        if (header.format !== FORMAT) throw new Error(`its form is ${header.format}, this viewer reads ${FORMAT}`);
        const first = header.colorings.find((one) => one.key === this.coloring?.key) ?? header.colorings[0];
        const [points, codes] = await Promise.all([this.source.section("points"), this.source.section(`color:${first.key}`)]);
        if (points.length !== 4 * header.shown || codes.length !== header.shown) {
          throw new Error(`${header.shown} points were told, ${points.length / 4} are there`);
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
      this.titles = null;
      this.clear();
      parts.fill_strip(this.find("strip"), header);
      const aligned = points.byteOffset % 2 ? points.slice() : points;
      scene.set_points(new Uint16Array(aligned.buffer, aligned.byteOffset, points.length >> 1));
      this.state.questions = header.questions ?? [];
      this.find("toggle-questions").hidden = !this.state.questions.length;
      this.find("toggle-labels").hidden = !(header.topics ?? []).length;
      this.list.set(this.state.questions);
      this.#colorings(coloring.key);
      scene.label_topics(header.topics ?? []);
      scene.resize();
      this.#color(coloring, codes);
      this.find("search").placeholder = `Search ${count(header.shown)} titles`;
      this.find("over").setAttribute("aria-label", `Map ${header.map} of ${header.table}: ${count(header.shown)} ${header.by ?? "article"}s. Arrow keys move it, plus and minus zoom, 0 shows all, Enter opens the article in the middle.`);
      this.notice(header.shown ? this.#painter_notice() : "No article is on this map yet.");
      this.root.classList.add("vmap-ready");
      if (scene.first_draw_ms !== null) this.#idle_work();
    }

    #painter_notice() {
      return this.scene.painter.name === "WebGL2" ? null : "This browser offers no WebGL2; the map is drawn without it, more slowly and more coarsely.";
    }

    #colorings(key) {
      const options = this.header.colorings.map((one) => el("option", { value: one.key, selected: one.key === key }, one.label));
      this.find("color").replaceChildren(...options);
    }

    async setColoring(key) {
      const coloring = this.header?.colorings.find((one) => one.key === key);
      if (!coloring) return false;
      this.wanted = key;
      try {
        this.codes[key] ??= await this.source.section(`color:${key}`);
      } catch (error) {
        this.find("color").value = this.coloring.key;
        this.notice(`The colors of ${coloring.label} could not be read: ${error.message}.`);
        return false;
      }
      // Another one was chosen while these were read.
      if (this.wanted !== key) return false;
      this.find("color").value = key;
      this.#color(coloring, this.codes[key]);
      if (this.state.selected !== null) this.#article_card();
      return true;
    }

    #color(coloring, codes) {
      this.coloring = coloring;
      this.legend.set(coloring, codes);
      this.scene.set_codes(codes, coloring);
      this.legend.draw(this.scene.colors);
      this.#light();
    }

    /** Texts are read when the map stands, titles first; who asks earlier waits. */
    async #idle_work() {
      const { header } = this;
      try {
        const titles = await this.#section("titles");
        const search = await new TitleSearch().build(titles);
        if (header !== this.header) return;
        this.titles = search;
        if (this.search.text) this.search.run();
        await this.#section("snippets");
      } catch (error) {
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

    // ------------------------------------------------------------------ what is lit

    /** Light those that the legend, the search and the outer filter all let through. */
    #light() {
      const { only } = this.legend;
      const { matches, outer } = this;
      if (!this.header) return;
      if (!only && !matches && !outer) return this.scene.set_lit(null);
      const n = this.header.shown;
      const codes = this.codes[this.coloring.key];
      const lit = new Uint8Array(n);
      if (matches) for (const row of matches) lit[row] = 1;
      else lit.fill(1);
      const allowed = new Uint8Array(256).fill(only ? 0 : 1);
      for (const code of only ?? []) allowed[code] = 1;
      let sum = 0;
      for (let row = 0; row < n; row++) {
        lit[row] &= allowed[codes[row]] & (outer && !outer[row] ? 0 : 1);
        sum += lit[row];
      }
      this.scene.set_lit(lit, sum);
    }

    filter(mask) {
      this.outer = mask;
      this.#light();
    }

    #search(text) {
      if (!this.titles) return null;
      const { rows, best } = this.titles.find(text);
      return { rows, best, titles: best.map((row) => this.titles.texts.at(row) || "(no title)") };
    }

    #matched(rows) {
      this.matches = rows;
      this.state.matches = rows && rows.length <= 1000 ? Array.from(rows) : [];
      this.#light();
    }

    #go(row) {
      this.select(row, true);
      // On a narrow screen the map stands above the list.
      this.find("stage").scrollIntoView({ block: "nearest", behavior: "smooth" });
    }

    // ------------------------------------------------------------------ picking

    select(row, fly = false) {
      if (row === null || !this.scene.grid || row < 0 || row >= this.scene.grid.length) return this.#unselect();
      const { grid } = this.scene;
      this.state.selected = row;
      this.state.near = grid.nearest(grid.x(row), grid.y(row), NEAREST, (other) => other === row).map((one) => one.row);
      this.#article_card();
      if (fly) this.#fly_to_row(row);
      this.scene.request();
      this.#hide_tip();
      this.onselect?.(row);
    }

    #unselect() {
      const had = this.state.selected !== null;
      this.state.selected = null;
      this.state.near = [];
      if (this.state.picked) this.card.question(this.state.picked, this.header.k);
      else this.card.hide();
      this.#insets();
      this.scene.request();
      if (had) this.onselect?.(null);
    }

    #article_card() {
      const { selected, near, picked } = this.state;
      const value = this.legend.value(this.codes[this.coloring.key][selected]);
      const back = picked ? () => this.select(null) : null;
      this.card.article(selected, this.coloring.label, value, near.map((row) => ({ row })), back);
      this.#insets();
    }

    #fly_to_row(row) {
      const { grid } = this.scene;
      const { camera } = this;
      const places = [row, ...this.state.near].map((one) => this.state.place(one));
      const reach = Math.max(...places.map(([x, y]) => Math.max(Math.abs(x - grid.x(row)), Math.abs(y - grid.y(row)))));
      // As close as one is, or so that its neighbors can be told apart, but not beyond what shows where it lies.
      const closest = Math.max(camera.zoom, 24);
      const half = Math.max(reach * 3, 0.36 * (camera.width / (camera.home.scale * closest)));
      camera.fly_to_box(grid.x(row) - half, grid.y(row) - half, grid.x(row) + half, grid.y(row) + half, closest);
    }

    pick_question(index) {
      const question = index === null ? null : this.state.questions[index];
      if (!question) {
        this.state.picked = null;
        this.list.mark(null);
        this.find("key").hidden = true;
        if (this.state.selected === null) this.card.hide();
        this.scene.request();
        return;
      }
      this.state.picked = question;
      this.state.selected = null;
      this.state.near = [];
      this.list.mark(index);
      this.card.question(question, this.header.k);
      this.find("key").replaceChildren(...parts.line_key(question));
      this.find("key").hidden = question.x === null;
      this.#insets();
      this.#hide_tip();
      if (question.x !== null) this.#fly_to_question(question);
      this.scene.request();
      this.onpick?.(index);
    }

    #fly_to_question(question) {
      const places = question.nearest.filter((one) => one.row !== null).map((one) => this.state.place(one.row));
      const xs = [question.x, ...places.map((p) => p[0])], ys = [question.y, ...places.map((p) => p[1])];
      this.camera.fly_to_box(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), 14);
      this.find("stage").scrollIntoView({ block: "nearest", behavior: "smooth" });
    }

    add_question(question) {
      this.state.questions.push(question);
      this.list.set(this.state.questions);
      this.find("toggle-questions").hidden = false;
      this.scene.request();
      return this.state.questions.length - 1;
    }

    clear() {
      this.pick_question(null);
      this.select(null);
      this.card.hide();
      this.#hide_tip();
    }

    // ------------------------------------------------------------------ pointing

    #hover() {
      if (!this.hover_at || !this.header || this.scene.dragging || this.camera.moving) return;
      const [px, py, touch] = this.hover_at;
      const question = this.scene.overlay.question_at(px, py, this.state.questions);
      const row = question ? null : this.#row_at(px, py, touch ? 18 : 9);
      if (row === this.state.hovered && question === this.state.pointed) return;
      this.state.pointed = question;
      this.#set_hovered(row);
      this.find("over").style.cursor = row !== null || question ? "pointer" : "";
      if (question) this.#tip(question.text, `${percent(question.overlap)} of its nearest articles are near on the map too`, question.x, question.y, "Question");
      else if (row !== null) this.#tip_of(row);
      else this.#hide_tip(false);
      this.scene.request();
    }

    #set_hovered(row) {
      if (row === this.state.hovered) return;
      this.state.hovered = row;
      this.onhover?.(row);
    }

    /** The article at CSS pixels, of those that are lit, or null. */
    #row_at(px, py, reach) {
      const { grid, lit } = this.scene;
      const [x, y] = this.camera.place(px, py);
      const within = (reach + this.scene.side() / 2) / this.camera.scale;
      const skip = lit ? (row) => !lit[row] : undefined;
      return grid.nearest(x, y, 1, skip, within)[0]?.row ?? null;
    }

    async #tip_of(row) {
      const { grid } = this.scene;
      const turn = (this.tip_turn = (this.tip_turn ?? 0) + 1);
      const told = (title, snippet) => {
        if (turn === this.tip_turn && this.state.hovered === row) this.#tip(title, snippet, grid.x(row), grid.y(row));
      };
      try {
        const title = (await this.text("titles", row)) || (await this.text("ids", row));
        told(title, "");
        told(title, await this.text("snippets", row));
      } catch {
        told("(its title could not be read)", "");
      }
    }

    #tip(title, snippet, x, y, kind = null) {
      const tip = this.find("tip");
      const [px, py] = this.camera.at(x, y);
      tip.replaceChildren(
        ...(kind ? [el("span", { class: "vmap-kind" }, kind)] : []),
        el("b", {}, given(title)),
        ...(snippet ? [el("span", { class: "vmap-tip-snippet" }, given(snippet))] : []),
      );
      tip.hidden = false;
      const { offsetWidth: w, offsetHeight: h } = tip;
      const left = Math.max(6, Math.min(this.camera.width - w - 6, px - w / 2));
      const above = py - h - 16;
      tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(above >= 6 ? above : Math.min(py + 18, this.camera.height - h - 6))}px)`;
    }

    #hide_tip(all = true) {
      this.find("tip").hidden = true;
      this.tip_turn = (this.tip_turn ?? 0) + 1;
      if (!all) return;
      this.state.pointed = null;
      this.#set_hovered(null);
    }

    #pick_at(px, py, touch) {
      if (!this.header) return;
      const question = this.scene.overlay.question_at(px, py, this.state.questions);
      if (question) return this.pick_question(this.state.questions.indexOf(question));
      const row = this.#row_at(px, py, touch ? 18 : 9);
      if (row !== null) this.select(row);
      else if (this.state.selected !== null) this.select(null);
      else this.clear();
    }

    // ------------------------------------------------------------------ the rest of the page

    /** What stands over the map is left out of where flights end. */
    #insets() {
      const card = this.find("card");
      const { clientWidth: width } = this.find("stage");
      const beside = card.offsetWidth < 0.7 * width;
      this.camera.inset = {
        left: 0, top: 0,
        right: !card.hidden && beside ? card.offsetWidth + 16 : 0,
        bottom: !card.hidden && !beside ? card.offsetHeight : 0,
      };
    }

    notice(text) {
      const line = this.find("notice");
      line.hidden = !text;
      this.find("notice-text").textContent = text ?? "";
    }

    #wire() {
      const { root, camera, scene } = this;
      const over = this.find("over");
      const middle = () => [camera.width / 2, camera.height / 2];
      parts.hands(over, camera, {
        point: (px, py, touch) => {
          this.state.cross = false;
          this.hover_at = [px, py, touch];
          scene.request();
        },
        leave: () => {
          this.hover_at = null;
          this.#hide_tip();
          scene.request();
        },
        pick: (px, py, touch) => this.#pick_at(px, py, touch),
        hold: (dragging) => {
          scene.dragging = dragging;
          over.classList.toggle("vmap-dragging", dragging);
          if (dragging) this.#hide_tip();
          scene.request();
        },
        middle: () => {
          this.state.cross = true;
          this.#hide_tip();
          this.hover_at = [...middle(), true];
        },
        enter: () => this.#pick_at(...middle(), true),
      });
      over.addEventListener("blur", () => {
        this.state.cross = false;
        scene.request();
      });
      root.addEventListener("keydown", (event) => {
        if (event.key === "Escape") this.clear();
      });
      const zoom = (factor) => camera.glide(...middle(), factor);
      this.find("in").addEventListener("click", () => zoom(2));
      this.find("out").addEventListener("click", () => zoom(0.5));
      this.find("home").addEventListener("click", () => camera.go_home());
      this.find("notice-close").addEventListener("click", () => this.notice(null));
      this.find("color").addEventListener("change", (event) => this.setColoring(event.target.value));
      this.#toggle("toggle-labels", "show_labels");
      this.#toggle("toggle-questions", "show_questions");
      const again = () => {
        scene.set_theme(theme());
        if (this.header) this.legend.draw(scene.colors);
      };
      new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
    }

    #toggle(name, what) {
      const button = this.find(name);
      button.addEventListener("click", () => {
        const on = (this.scene.overlay[what] = !this.scene.overlay[what]);
        button.setAttribute("aria-pressed", String(on));
        this.scene.request();
      });
    }
  }

  function theme() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    return document.documentElement.dataset.theme || (dark ? "dark" : "light");
  }

  globalThis.vecindexMap.create = (root, source) => {
    const viewer = new Viewer(root, source);
    return {
      ready: viewer.load(),
      reload: () => viewer.load(),
      setColoring: (key) => viewer.setColoring(key),
      select: (row, fly = false) => viewer.select(row, fly),
      pickQuestion: (index) => viewer.pick_question(index),
      addQuestion: (question) => viewer.add_question(question),
      fly: (x, y, zoom) => viewer.camera.fly({ x, y, scale: zoom * viewer.camera.home.scale }),
      filter: (mask) => viewer.filter(mask),
      stats: () => viewer.scene.stats(),
      viewer,
      set onselect(call) {
        viewer.onselect = call;
      },
      set onpick(call) {
        viewer.onpick = call;
      },
      set onhover(call) {
        viewer.onhover = call;
      },
    };
  };
}
