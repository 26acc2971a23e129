// The viewer: `vecindexMap.create(root, source)` makes a map of what a source tells, and answers for what is done to it.
"use strict";
{
  const parts = ((globalThis.vecindexMap ??= {}).parts ??= {});
  const { Scene, Legend, SearchBox, QuestionList, Card, Pointing, Texts, TitleSearch, el, count } = parts;

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
      this.scene = new Scene(this.find("stage"), {
        drawn: () => this.#idle_work(),
        settled: () => this.pointing?.look(),
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
        id: (row) => this.text("ids", row),
        marked: (rows) => this.#matched(rows),
      });
      this.pointing = new Pointing(this);
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
      // Rows of the former articles.
      this.outer = null;
      this.matches = null;
      this.state.matches = [];
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
      const known = typeof WebGL2RenderingContext !== "undefined";
      return known ? null : "This browser has no WebGL2; the map is drawn without the graphics card, and may be slower.";
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
        await this.#section("ids");
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
      else this.#uncover(row);
      this.scene.request();
      this.pointing.hide();
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

    /** Move the map a little where the card lies over the article that it tells of. */
    #uncover(row) {
      const { camera } = this;
      const [px, py] = camera.at(...this.state.place(row));
      const free_w = camera.width - camera.inset.right, free_h = camera.height - camera.inset.bottom;
      if (px > free_w || py > free_h) camera.slide(px > free_w ? free_w / 2 - px : 0, py > free_h ? free_h / 2 - py : 0);
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
      Object.assign(this.state, { picked: question, selected: null, near: [] });
      this.list.mark(index);
      this.card.question(question, this.header.k);
      this.find("key").replaceChildren(...parts.line_key(question));
      this.find("key").hidden = question.x === null;
      this.#insets();
      this.pointing.hide();
      if (question.x !== null) this.#fly_to_question(question);
      this.scene.request();
      this.onpick?.(index);
    }

    #fly_to_question(question) {
      this.scene.fit_stage(); // beside a panel that was opened just now
      const places = question.nearest.filter((one) => one.row !== null).map((one) => this.state.place(one.row));
      const xs = [question.x, ...places.map((p) => p[0])], ys = [question.y, ...places.map((p) => p[1])];
      this.camera.fly_to_box(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), 45);
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
      if (this.find("card").contains(document.activeElement)) this.find("over").focus({ preventScroll: true });
      this.pick_question(null);
      this.select(null);
      this.card.hide();
      this.pointing.hide();
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
      const middle = () => [camera.width / 2, camera.height / 2];
      document.addEventListener("keydown", (event) => {
        const here = root.contains(event.target) || event.target === document.body;
        if (event.key === "Escape" && here && !event.defaultPrevented) this.clear();
      });
      const zoom = (factor) => camera.glide(...middle(), factor);
      this.find("in").addEventListener("click", () => zoom(2));
      this.find("out").addEventListener("click", () => zoom(0.5));
      this.find("home").addEventListener("click", () => camera.go_home());
      addEventListener("beforeprint", () => this.#print(true));
      addEventListener("afterprint", () => this.#print(false));
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

    /** Put a still picture in the place of the drawing while the page is printed. */
    #print(now) {
      this.find("stage").querySelector(".vmap-print")?.remove();
      if (!now) {
        this.scene.end_print();
        if (this.header) this.legend.draw(this.scene.colors);
        return;
      }
      if (!this.header || this.scene.first_draw_ms === null) return;
      const picture = this.scene.still_picture();
      picture.className = "vmap-print";
      this.legend.draw(parts.palette(this.coloring, "light"));
      this.find("stage").prepend(picture);
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
