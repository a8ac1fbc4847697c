"use strict";
(() => {
  const data = JSON.parse(document.getElementById("p-data").textContent);
  const at = (id) => document.getElementById(id);
  const words = ["cut", "challenged", "unknown", "not-cut"];
  const switches = [...document.querySelectorAll(".switch")];
  const rows = [...document.querySelectorAll(".step-row")];
  const on = new Set(data.on);
  let until = data.steps.length;

  // ---- what a combination does: looked up, never decided ----
  const all = (list) => list.every((control) => on.has(control));
  const holds = (condition) => all(condition.set) && !condition.unless.some((control) => on.has(control));

  function fate(step) {
    if (on.size === 1) {
      const only = [...on][0];
      const verdict = step.verdicts[only];
      if (verdict) {
        return { level: verdict.level, by: [only], words: verdict.words, undo: verdict.undo !== null };
      }
    }
    const found = { level: 3, by: [], words: [], undo: false };
    for (const condition of step.conditions) {
      if (holds(condition) && condition.level < found.level) {
        found.level = condition.level;
        found.by = condition.set;
        found.words = condition.words;
      }
    }
    found.undo = found.level === 0 && found.by.every((control) => {
      const verdict = step.verdicts[control];
      return verdict && verdict.undo !== null;
    });
    return found;
  }

  const said = (word) => word.replace(/[A-Z]/g, (letter) => " " + letter.toLowerCase());

  function mark(found) {
    if (found.level === 0) {
      return (found.undo ? "✂* " : "✂ ") + found.by.map((control) => data.controls[control].name).join("+");
    }
    if (found.level === 1) {
      return "?" + found.words.slice(0, 2).map(said).join(", ");
    }
    return found.level === 2 ? "?" : "";
  }

  function collateral() {
    const counts = [0, 0, 0];
    for (const group of data.baseline) {
      let least = 3;
      for (const condition of group.conditions) {
        if (holds(condition) && condition.level < least) {
          least = condition.level;
        }
      }
      if (least < 3) {
        counts[least] += group.count;
      }
    }
    return counts;
  }

  // Clauses of the branch of switches that is in force, none of whose controls is.
  function missed() {
    const branch = data.switches.filter((control) => on.has(control));
    return data.clauses.filter((clause) =>
      clause.branch.length === branch.length && all(clause.branch) && !clause.controls.some((control) => on.has(control)));
  }

  function closure() {
    const jewels = data.jewels.map((name) => ({ name, open: false, conditional: false, words: [] }));
    for (const clause of missed()) {
      const jewel = jewels[clause.jewel];
      if (clause.closed) {
        jewel.conditional = true;
        jewel.words = [...new Set([...jewel.words, ...clause.words])].sort();
      } else {
        jewel.open = true;
      }
    }
    return jewels;
  }

  const closed = (jewels, index) => index !== null && !jewels[index].open && !jewels[index].conditional;

  function pathOpen(path, jewels) {
    return !closed(jewels, path.jewel) && !path.conditions.some((condition) => condition.level === 0 && holds(condition));
  }

  // What stays open, in a line each; paths that read alike are one.
  function ways(jewels, openPaths) {
    const found = new Set();
    const put = (short, words) => {
      const turnsOn = [...new Set(words)].sort().join(", ");
      found.add(short + (turnsOn ? " (if the attacker holds " + turnsOn + ")" : ""));
    };
    data.paths.filter((path, index) => openPaths[index]).forEach((path) =>
      put(path.short, path.words.concat(...path.conditions.filter(holds).map((condition) => condition.words))));
    jewels.forEach((jewel, index) => {
      const shown = data.paths.some((path, at) => openPaths[at] && path.jewel === index);
      if (!shown && !closed(jewels, index)) {
        missed().filter((clause) => clause.jewel === index && clause.closed !== jewel.open)
          .forEach((clause) => put(clause.short, clause.words));
      }
    });
    return [...found];
  }

  function size(bytes) {
    const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let unit = 0;
    let scale = 1;
    const rounded = (places) => Math.floor((bytes / scale) * 10 ** places + 0.5 + 1e-9);
    while (unit + 1 < units.length && rounded(0) >= 1000) {
      unit += 1;
      scale *= 1000;
    }
    const hundredths = rounded(2);
    const places = unit === 0 ? 0 : hundredths < 1000 ? 2 : hundredths < 10000 ? 1 : 0;
    const text = (rounded(places) / 10 ** places).toFixed(places);
    return (places ? text.replace(/\.?0+$/, "") : text) + " " + units[unit];
  }

  // ---- showing it ----
  function element(name, text) {
    const made = document.createElement(name);
    if (text !== undefined) {
      made.textContent = text;
    }
    return made;
  }

  function restyle(group, state, latent, text) {
    const style = data.strokes.find((known) => known.state === state && known.latent === latent)
      || data.strokes.find((known) => known.state === state);
    for (const word of ["cut", "challenged", "unknown", "not-cut", "latent", "open"]) {
      group.classList.toggle(word, word === state);
    }
    const line = group.querySelector(".line");
    const head = group.querySelector(".head");
    const label = group.querySelector(".mark");
    const recolour = (element, prefix) => {
      for (const word of [...element.classList]) {
        if (word.startsWith(prefix) && word !== "f-box") {
          element.classList.remove(word);
        }
      }
      element.classList.add(prefix + style.colour);
    };
    recolour(line, "s-");
    line.setAttribute("stroke-width", style.width);
    if (style.dashes) {
      line.setAttribute("stroke-dasharray", style.dashes);
    } else {
      line.removeAttribute("stroke-dasharray");
    }
    if (head) {
      recolour(head, "f-");
    }
    if (label) {
      recolour(label, "f-");
      label.textContent = text;
    }
  }

  function show() {
    const none = on.size === 0;
    const fates = data.steps.map(fate);
    data.steps.forEach((step, index) => {
      const state = none ? step.state : words[fates[index].level];
      const text = none ? step.mark : mark(fates[index]);
      restyle(at(step.dom), state, false, text);
      const cell = rows[index].querySelector(".now");
      cell.className = "now " + words[fates[index].level] + (none ? " plain" : "");
      cell.textContent = none ? "as it went" : (words[fates[index].level].replace("-", " ") + " " + text).trim();
    });
    const jewels = closure();
    const openPaths = data.paths.map((path) => pathOpen(path, jewels));
    for (const edge of data.edges) {
      const group = at(edge.dom);
      if (edge.kind === "step" || edge.kind === "yields") {
        if (edge.steps.length === 0) {
          continue;
        }
        const levels = edge.steps.map((step) => fates[step].level);
        const weakest = Math.max(...levels);
        const first = edge.steps[levels.indexOf(weakest)];
        const stopped = levels.filter((level) => level < weakest).length;
        const held = levels.length - stopped;
        const text = stopped > 0 ? held + "/" + levels.length + " " + words[weakest].replace("-", " ") : mark(fates[first]);
        restyle(group, none ? edge.state : words[weakest], false, none ? edge.mark : text);
      } else if (edge.kind === "latent") {
        const open = edge.paths.length === 0 || edge.paths.some((path) => openPaths[path]);
        restyle(group, open ? "latent" : "cut", !open, "");
      }
      group.classList.toggle("later", edge.steps.length > 0 && edge.steps.every((step) => step >= until));
    }
    data.steps.forEach((step, index) => {
      at(step.dom).classList.toggle("later", index >= until);
      rows[index].classList.toggle("later", index >= until);
    });
    const count = (level) => fates.filter((found) => found.level === level).length;
    const bytes = data.steps.reduce((sum, step, index) => sum + (fates[index].level === 0 ? 0 : step.bytes), 0);
    const total = data.steps.reduce((sum, step) => sum + step.bytes, 0);
    at("p-cut").textContent = count(0) + " of " + data.steps.length;
    at("p-challenged").textContent = String(count(1));
    at("p-unknown").textContent = String(count(2));
    at("p-bytes").textContent = size(bytes) + (bytes < total ? " of " + size(total) : "");
    const counts = collateral();
    at("p-collateral").textContent = counts[0] + " events, " + counts[1] + " asked for more"
      + (counts[2] > 0 ? ", " + counts[2] + " not known" : "");
    const verdicts = jewels.map((jewel) => jewel.name + ": "
      + (jewel.open ? "open" : jewel.conditional ? "closed if the attacker lacks " + jewel.words.join(", ") : "closed"));
    at("p-closure").textContent = jewels.length > 0 ? verdicts.join("; ") : openPaths.filter(Boolean).length + " open";
    at("p-paths").replaceChildren(...ways(jewels, openPaths).map((text) => element("li", text)));
    switches.forEach((box, index) => {
      box.checked = on.has(index);
      box.closest("li").classList.toggle("on", box.checked);
    });
    at("p-until").textContent = until === 0 ? "the beginning" : data.steps[until - 1].time;
  }

  function put(list) {
    on.clear();
    list.forEach((control) => on.add(control));
    show();
  }

  switches.forEach((box, index) => box.addEventListener("change", () => {
    if (box.checked) {
      on.add(index);
    } else {
      on.delete(index);
    }
    show();
  }));
  at("p-none").addEventListener("click", () => put([]));
  at("p-best").addEventListener("click", () => put(data.best));
  at("p-slider").addEventListener("input", (event) => {
    until = Number(event.target.value);
    show();
  });

  // ---- pan and zoom: by the view box, so that nothing is scaled twice ----
  const stage = at("p-stage");
  const views = ["graph", "timeline"].map((name) => {
    const holder = at("p-" + name);
    const svg = holder.querySelector("svg");
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    return { name, holder, svg, width, height, x: 0, y: 0, scale: 1 };
  });
  let view = views[0];

  function look() {
    const w = view.width / view.scale;
    const h = view.height / view.scale;
    view.x = Math.min(Math.max(view.x, -w / 2), view.width - w / 2);
    view.y = Math.min(Math.max(view.y, -h / 2), view.height - h / 2);
    view.svg.setAttribute("viewBox", [view.x, view.y, w, h].map((n) => Number(n.toFixed(2))).join(" "));
  }

  function zoom(factor, px, py) {
    const before = view.scale;
    view.scale = Math.min(Math.max(before * factor, 0.5), 12);
    view.x += px * (view.width / before - view.width / view.scale);
    view.y += py * (view.height / before - view.height / view.scale);
    look();
  }

  function fit() {
    view.x = 0;
    view.y = 0;
    view.scale = 1;
    look();
  }

  function choose(name) {
    view = views.find((known) => known.name === name);
    for (const known of views) {
      known.holder.hidden = known !== view;
      at("p-show-" + known.name).setAttribute("aria-pressed", String(known === view));
    }
  }

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = view.svg.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }, { passive: false });
  let drag = null;
  stage.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, y: event.clientY, moved: false };
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag) {
      return;
    }
    const box = view.svg.getBoundingClientRect();
    const dx = event.clientX - drag.x;
    const dy = event.clientY - drag.y;
    if (drag.moved || Math.abs(dx) + Math.abs(dy) > 4) {
      drag = { x: event.clientX, y: event.clientY, moved: true };
      stage.classList.add("moving");
      view.x -= (dx / box.width) * (view.width / view.scale);
      view.y -= (dy / box.height) * (view.height / view.scale);
      look();
    }
  });
  window.addEventListener("pointerup", () => {
    // A click that ends a drag opens nothing.
    const moved = drag !== null && drag.moved;
    stage.dataset.moved = moved ? "yes" : "";
    drag = null;
    stage.classList.remove("moving");
  });
  at("p-in").addEventListener("click", () => zoom(1.25, 0.5, 0.5));
  at("p-out").addEventListener("click", () => zoom(0.8, 0.5, 0.5));
  at("p-fit").addEventListener("click", fit);
  at("p-show-graph").addEventListener("click", () => choose("graph"));
  at("p-show-timeline").addEventListener("click", () => choose("timeline"));
  stage.addEventListener("keydown", (event) => {
    const step = 0.08 / view.scale;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = Object.hasOwn(moves, event.key) ? moves[event.key] : null;
    if (move) {
      view.x += move[0] * step * view.width;
      view.y += move[1] * step * view.height;
      look();
    } else if (event.key === "+" || event.key === "=") {
      zoom(1.25, 0.5, 0.5);
    } else if (event.key === "-") {
      zoom(0.8, 0.5, 0.5);
    } else if (event.key === "0") {
      fit();
    } else {
      return;
    }
    event.preventDefault();
  });

  // ---- the drawer ----
  const drawer = at("p-drawer");
  let opener = null;

  function section(body, title, parts) {
    if (parts.length > 0) {
      body.append(element("h3", title), ...parts);
    }
  }

  function list(texts) {
    if (texts.length === 0) {
      return [];
    }
    const made = element("ul");
    texts.forEach((text) => made.append(element("li", text)));
    return [made];
  }

  function where(evidence) {
    return evidence.map(([file, record, pointer]) => file + ", record " + record + (pointer ? ", " + pointer : ""));
  }

  // Where it was read, and the record itself where the page has it.
  function read(evidence) {
    return evidence.flatMap((place) => {
      const found = data.records.find((known) => known[0] === place[0] && known[1] === place[1]);
      const said = element("p", where([place])[0]);
      said.className = "place";
      return found ? [said, element("pre", found[2])] : [said];
    });
  }

  function verdict(control, given) {
    const made = element("details");
    const how = given.level === 3 ? "" : given.direct ? " directly" : " because of " + given.via;
    made.append(element("summary", data.controls[control].name + ": " + words[given.level].replace("-", " ") + how));
    made.append(...list([data.controls[control].title, given.reason].filter(Boolean)));
    const more = [
      ["Asks for", given.words], ["Turns on", given.missing], ["Assumes", given.assumes],
      ["Rests on", given.caveat ? [given.caveat] : []], ["The attacker could", given.undo || []],
      ["Would have been seen", given.detected], ["Rule", given.doc ? [given.doc] : []],
      ["Clauses", given.clauses.map((clause) => clause.says + " (" + clause.document + " " + clause.pointer + "; " + clause.source + ")")],
      ["Read at", where(given.evidence)],
    ];
    for (const [title, texts] of more) {
      if (texts.length > 0) {
        made.append(element("b", title), ...list(texts));
      }
    }
    return made;
  }

  function open(index, from) {
    const step = data.steps[index];
    opener = from;
    at("p-drawer-title").textContent = step.title;
    const body = at("p-drawer-body");
    const facts = element("dl");
    [["Time", step.time], ...step.facts].filter((fact) => fact[1]).forEach(([name, value]) => {
      facts.append(element("dt", name), element("dd", value));
    });
    body.replaceChildren(facts);
    section(body, "Needs", list(step.needs.map((need) => need.capability + " (" + need.supports.join("; ") + ")")));
    section(body, "Yields", list(step.yields));
    section(body, "Alerts", step.alerts.flatMap((alert) => [...list([alert.says]), ...read(alert.evidence)]));
    section(body, "Controls", step.verdicts.flatMap((given, control) => given ? [verdict(control, given)] : []));
    section(body, "Evidence", read(step.evidence));
    document.querySelectorAll(".picked").forEach((picked) => picked.classList.remove("picked"));
    rows[index].classList.add("picked");
    at(step.dom).classList.add("picked");
    data.edges.filter((edge) => edge.steps.includes(index)).forEach((edge) => at(edge.dom).classList.add("picked"));
    drawer.hidden = false;
    at("p-close").focus();
  }

  function shut() {
    drawer.hidden = true;
    document.querySelectorAll(".picked").forEach((picked) => picked.classList.remove("picked"));
    if (opener) {
      opener.focus();
      opener = null;
    }
  }

  rows.forEach((row, index) => {
    row.addEventListener("click", () => open(index, row));
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open(index, row);
      }
    });
  });
  data.steps.forEach((step, index) => at(step.dom).addEventListener("click", () => {
    if (stage.dataset.moved !== "yes") {
      open(index, stage);
    }
  }));
  data.edges.filter((edge) => edge.steps.length > 0).forEach((edge) => at(edge.dom).addEventListener("click", () => {
    if (stage.dataset.moved !== "yes") {
      open(edge.steps[0], stage);
    }
  }));
  at("p-close").addEventListener("click", shut);

  // ---- filter and keys ----
  const filter = at("p-filter");
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    rows.forEach((row) => {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    });
    at("p-none-left").hidden = left > 0;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !drawer.hidden) {
      shut();
    } else if (event.key === "/" && document.activeElement !== filter) {
      event.preventDefault();
      filter.focus();
    }
  });

  show();
  document.documentElement.dataset.ready = "yes";
})();
