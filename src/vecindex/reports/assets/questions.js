// The neighbors of a question in both spaces, made when it is opened. Text from the data is only ever put as text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("neighbors").textContent);
  const table = document.getElementById("questions-table");
  const chosen = { map: 0, rule: 0 };

  function make(name, text, css) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (css) made.className = css;
    return made;
  }

  // What became of a neighbor in the other space: among the nearest there, or at a rank that is known, or neither.
  function fate(ranks, id, rank, depth, missing) {
    if (ranks.has(id)) return `\u2713 kept, rank ${ranks.get(id)}`;
    if (Number.isInteger(rank)) return `${missing}, rank ${rank}`;
    return rank === null && depth ? `${missing}, beyond ${depth}` : missing;
  }

  function list(near, others, words, missing, known, depth) {
    // By id: the nearest chunk of an article may be another one in the other space.
    const ranks = new Map((others ?? []).map(([article], i) => [data.articles[article][0], i + 1]));
    const made = make("table");
    const head = made.createTHead().insertRow();
    for (const [name, css] of [["Rank", "n"], ["Article"], ["Distance", "n"], ...(others ? [[words]] : [])]) {
      const cell = make("th", name, css);
      cell.scope = "col";
      head.append(cell);
    }
    const body = made.createTBody();
    near.forEach(([article, dist], i) => {
      const [id, title, chunk] = data.articles[article];
      const row = body.insertRow();
      row.append(make("td", i + 1, "n"));
      const told = make("td", undefined, "article");
      told.append(make("bdi", title ?? id));
      if (title !== null) {
        told.append(document.createElement("br"), make("bdi", id, "small quiet"));
      }
      if (chunk !== null) told.append(make("span", ", chunk ", "small quiet"), make("bdi", chunk, "small quiet"));
      row.append(told, make("td", dist === null ? "–" : String(dist), "n"));
      if (others) {
        const kept = ranks.has(id);
        row.className = kept ? "kept" : "lost";
        row.append(make("td", fate(ranks, id, known?.[i], depth, missing), "fate"));
      }
    });
    return made;
  }

  function choice(label, names, at, change) {
    const field = make("select");
    field.setAttribute("aria-label", label);
    names.forEach((name, i) => {
      const option = make("option", name);
      option.value = i;
      field.append(option);
    });
    field.value = at;
    field.addEventListener("change", () => change(Number(field.value)));
    return field;
  }

  function fill(cell, number) {
    const question = data.questions[number];
    const left = make("div");
    left.append(make("h4", "Nearest in embedding space"));
    const pair = make("div", undefined, "pair");
    pair.append(left);
    const here = { ...chosen };
    if (!data.maps.length) {
      left.append(list(question.near));
      cell.replaceChildren(...facts(question, here), pair);
      return;
    }
    const right = make("div");
    const title = make("h4", "Nearest on map ");
    pair.append(right);
    const line = make("p", undefined, "facts-line");

    function draw() {
      const found = question.maps[here.map][here.rule];
      left.querySelector("table")?.remove();
      right.querySelector("table")?.remove();
      left.append(list(question.near, found.near, "On the map", "\u2013 lost", found.ranks, found.depth));
      const back = found.near.map((item) => item[2]);
      right.append(list(found.near, question.near, "In embedding space", "\u2013 not near", back, found.depth));
      line.replaceChildren(...facts(question, here));
    }
    function choose(what) {
      return (value) => {
        here[what] = chosen[what] = value;
        draw();
      };
    }
    title.append(
      choice("Map", data.maps, here.map, choose("map")),
      " placed by ",
      choice("Placement", data.rules, here.rule, choose("rule")),
    );
    right.append(title);
    draw();
    cell.replaceChildren(line, pair);
  }

  function facts(question, here) {
    const told = [...question.facts];
    if (data.maps.length) told.push(...question.maps[here.map][here.rule].facts);
    return told.length ? [make("span", told.join(" \u00b7 "))] : [];
  }

  function toggle(button) {
    const body = button.closest("tbody");
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (body.rows.length > 1) {
      body.rows[1].hidden = open;
      return;
    }
    const row = body.insertRow();
    row.className = "detail";
    row.id = button.getAttribute("aria-controls");
    const cell = row.insertCell();
    cell.colSpan = table.tHead.rows[0].cells.length;
    fill(cell, Number(body.dataset.question));
  }

  for (const button of table.querySelectorAll("button.opener")) {
    button.addEventListener("click", () => toggle(button));
  }
})();
