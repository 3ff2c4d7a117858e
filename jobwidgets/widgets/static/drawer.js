// The drawer of one job: it shows what the kernel says, as text, and tells what was pressed.
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 164; // pixels of a task in the graph, and of one that shows its number alone
const NARROW = 36;
const TALL = 28;
const LETTERS = 22;
const MANY = 24; // tasks in the graph above which their names are left out
let made = 0;

function el(name, look = "", text = "") {
  const node = document.createElement(name);
  if (look) node.className = look;
  if (text) node.textContent = text;
  return node;
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function button(name, key, pressed) {
  const node = el("button", "jw-press", name);
  node.type = "button";
  node.dataset.key = key;
  node.addEventListener("click", pressed);
  return node;
}

function status(face, word) {
  const node = el("span", "jw-status");
  node.append(el("span", `jw-face jw-face-${face}`, word));
  return node;
}

function pairs(list) {
  const node = el("dl", "jw-pairs");
  for (const [name, value] of list) node.append(el("dt", "", name), el("dd", "", value));
  return node;
}

function pre(name, { text, cut }) {
  const node = el("pre", "jw-json", text);
  node.tabIndex = 0;
  node.setAttribute("role", "region");
  node.setAttribute("aria-label", name);
  return cut ? [node, el("p", "jw-dim", cut)] : [node];
}

// A task on the timeline: a thin line while it waited, a bar while it ran. The words beside it say the same.
function bar({ bar: places, face }) {
  const node = svg("svg", { class: "jw-gantt", "aria-hidden": "true", focusable: "false" });
  const [from, middle, to] = places;
  const part = (a, b, look, y, height, least) => {
    const rect = svg("rect", { class: look, x: `${a * 100}%`, y, height, rx: 2 });
    rect.style.width = `max(${least}px, ${(b - a) * 100}%)`;
    return rect;
  };
  if (middle > from) node.append(part(from, middle, "jw-gantt-wait", 5, 4, 1));
  if (to > middle || face === "complete" || face === "failed") {
    node.append(part(Math.min(middle, 0.985), to, `jw-gantt-run jw-gantt-${face}`, 1, 12, 4));
  }
  return node;
}

function graph({ nodes, edges }) {
  const small = nodes.length > MANY;
  const wide = small ? NARROW : WIDE;
  const left = (node) => node.y * (wide + 12) + 2;
  const top = (node) => node.x * (TALL + 20) + 2;
  const width = Math.max(...nodes.map(left)) + wide + 2;
  const height = Math.max(...nodes.map(top)) + TALL + 2;
  const id = `jw-graph-${(made += 1)}`;
  const told = edges.map(([a, b]) => `${nodes[b].n} ${nodes[b].name} follows ${nodes[a].n} ${nodes[a].name}`);
  const desc = svg("desc", { id });
  desc.textContent = told.join("; ");
  const node = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" }, desc);
  node.setAttribute("aria-label", "How the tasks follow each other");
  node.setAttribute("aria-describedby", id);
  for (const [a, b] of edges) {
    const [x1, y1] = [left(nodes[a]) + wide / 2, top(nodes[a]) + TALL];
    const [x2, y2] = [left(nodes[b]) + wide / 2, top(nodes[b]) - 5];
    const bend = (y1 + y2) / 2;
    node.append(svg("path", { class: "jw-edge", d: `M${x1} ${y1}C${x1} ${bend} ${x2} ${bend} ${x2} ${y2}` }));
    node.append(svg("path", { class: "jw-tip", d: `M${x2 - 4} ${y2}l4 5 4-5z` }));
  }
  for (const each of nodes) {
    const title = svg("title", {});
    title.textContent = `${each.n} ${each.name}`;
    const text = svg("text", { x: left(each) + (small ? wide / 2 : 8), y: top(each) + TALL / 2 + 4 });
    if (small) text.setAttribute("text-anchor", "middle");
    const name = `${each.n} ${each.name}`;
    text.textContent = small ? String(each.n) : name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name;
    const box = { class: `jw-node jw-node-${each.face}`, x: left(each), y: top(each), width: wide, height: TALL, rx: 5 };
    node.append(svg("g", {}, title, svg("rect", box), text));
  }
  const scroll = el("div", "jw-graph");
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Task graph");
  scroll.append(node);
  return scroll;
}

export default {
  render({ model, el: place }) {
    const root = el("section", "jobwidgets jw-job");
    const said = el("span", "jw-job-said");
    said.setAttribute("role", "status");
    const parts = new Map();
    let opened = 0;
    let outer = null;

    const send = (what, more) => model.send({ do: what, ...more });
    const fold = (key, open) => send("fold", { key, open });

    async function copy(text, what) {
      try {
        await navigator.clipboard.writeText(text);
        said.textContent = `${what} copied`;
      } catch {
        said.textContent = "This page has no clipboard: select the text and press Ctrl-C";
      }
    }

    function head(state) {
      const top = el("div", "jw-job-top");
      const name = el("div", "jw-job-name", state.name || (state.tasks ? "A job without a name" : state.shown));
      name.setAttribute("role", "heading");
      name.setAttribute("aria-level", "3");
      name.tabIndex = -1;
      name.dataset.key = "name";
      const close = button("Close", "close", () => send("close"));
      close.title = "Close (Escape)";
      top.append(name, close);
      const line = el("div", "jw-job-line");
      if (state.status) line.append(status(state.face, state.status));
      const id = el("code", "jw-mono", state.shown);
      line.append(id, button("Copy id", "copy", () => copy(state.id, "Id")), said);
      const seen = el("div", "jw-dim", state.asof ?? "");
      return [top, line, seen];
    }

    function trouble(state) {
      if (state.error) {
        const note = el("p", "jw-job-error", state.error);
        note.setAttribute("role", "alert");
        return [note, button("Read again", "again", () => send("again"))];
      }
      return state.tasks ? [] : [el("p", "jw-dim", "Reading the job…")];
    }

    function failed({ failures = [] }) {
      return failures.map(({ who, reason, message }) => {
        const node = el("div", "jw-job-failure");
        node.append(el("strong", "", `${who}: ${reason || "failed"}`), el("div", "", message));
        return node;
      });
    }

    function row(task) {
      const tr = el("tr");
      const first = el("th");
      first.scope = "row";
      const opener = button("", `task ${task.n}`, () => fold(task.n, !task.more));
      opener.className = "jw-task";
      opener.setAttribute("aria-expanded", String(Boolean(task.more)));
      const name = el("bdi", "jw-task-name", task.name);
      name.title = task.name;
      opener.append(el("span", "jw-task-n", String(task.n)), " ", name);
      first.append(opener, status(task.face, task.status));
      const third = el("td", "jw-task-time");
      if (task.bar) third.append(bar(task));
      third.append(el("span", "jw-dim", task.spans));
      third.append(el("span", "jw-unseen", task.times.map(([what, at]) => `, ${what} ${at}`).join("")));
      tr.append(first, third);
      if (!task.more) return [tr];
      const cell = el("td");
      cell.colSpan = 2;
      const failure = task.failure || task.message ? [["Failure", [task.failure, task.message].filter(Boolean).join(": ")]] : [];
      const follows = task.after ? [["Follows", task.after]] : [];
      const times = task.times.map(([what, at]) => [what[0].toUpperCase() + what.slice(1), at]);
      cell.append(pairs([...times, ...follows, ...failure, ...task.more.facts]));
      for (const each of task.more.json) {
        cell.append(el("div", "jw-json-name", each.name), ...pre(`${each.name} of task ${task.n}`, each));
      }
      const more = el("tr", "jw-task-more");
      more.append(cell);
      return [tr, more];
    }

    function timeline(state) {
      if (!state.tasks) return [];
      const title = el("h4", "", state.count);
      if (!state.tasks.length) return [title, el("p", "jw-dim", "This job has no tasks.")];
      const table = el("table", "jw-tasklist");
      table.setAttribute("aria-label", "Tasks and their timeline");
      const names = el("tr");
      for (const name of ["Task", "Timeline"]) {
        const th = el("th", "", name);
        th.scope = "col";
        names.append(th);
      }
      if (state.axis.length) {
        const scale = el("span", "jw-scale");
        scale.append(...state.axis.map((at) => el("span", "", at)));
        names.lastChild.replaceChildren(scale);
        names.lastChild.setAttribute("aria-label", `Timeline, from ${state.axis[0]} to ${state.axis[1]}`);
      }
      const thead = el("thead");
      thead.append(names);
      const tbody = el("tbody");
      tbody.append(...state.tasks.flatMap(row));
      table.append(thead, tbody);
      const every = state.every ? [button(state.every, "every", () => fold("tasks", true))] : [];
      return [title, table, ...every];
    }

    function follows({ graph: told }) {
      if (!told || (!told.said && !told.nodes.length)) return [];
      return [el("h4", "", "Order of the tasks"), told.nodes.length ? graph(told) : el("p", "jw-dim", told.said)];
    }

    function origin({ lineage, source, schedule }) {
      if (!lineage) return [];
      const nodes = schedule.length ? [el("h4", "", "Launched by a schedule"), pairs(schedule)] : [];
      nodes.push(el("h4", "", "Retries"));
      const list = el("ul", "jw-retries");
      for (const each of lineage) {
        const item = el("li", "", `${each.said} `);
        if (each.id) item.append(button(each.shown, `show ${each.id}`, () => send("show", { key: each.id })));
        item.append(el("span", "jw-dim", ` ${[each.at, each.op].filter(Boolean).join(", ")}`));
        list.append(item);
      }
      nodes.push(lineage.length ? list : el("p", "", "None is known."), el("p", "jw-dim", source));
      return nodes;
    }

    function about({ facts }) {
      return facts ? [el("h4", "", "About"), pairs(facts)] : [];
    }

    function texts({ folds = [] }) {
      return folds.flatMap((each) => {
        const opener = button(each.name, `fold ${each.key}`, () => fold(each.key, !each.open));
        opener.className = "jw-press jw-fold";
        opener.setAttribute("aria-expanded", String(each.open));
        if (!each.open) return [opener];
        return [opener, button("Copy", `copy ${each.key}`, () => copy(each.text, each.name)), ...pre(each.name, each)];
      });
    }

    const sections = { head, trouble, failed, timeline, follows, origin, about, texts };
    for (const name of Object.keys(sections)) {
      const node = el("div", `jw-job-part jw-job-${name}`);
      parts.set(name, { node, shown: "" });
      root.append(node);
    }

    // Only the parts that became others are made anew, and the keyboard stays where it was.
    function draw() {
      const state = model.get("state");
      if (!state.id) {
        root.hidden = true;
        opened = state.opened;
        return;
      }
      root.hidden = false;
      root.setAttribute("aria-label", `Job ${state.name || state.shown}`);
      root.setAttribute("aria-busy", String(Boolean(state.busy)));
      const key = root.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      for (const [name, make] of Object.entries(sections)) {
        const part = parts.get(name);
        const nodes = make(state);
        const shown = nodes.map((node) => node.outerHTML).join("") + state.id;
        if (shown === part.shown) continue;
        part.shown = shown;
        part.node.replaceChildren(...nodes);
        part.node.hidden = !nodes.length;
      }
      const buttons = [...root.querySelectorAll("[data-key]")];
      if (key && !root.contains(document.activeElement)) buttons.find((each) => each.dataset.key === key)?.focus();
      if (state.opened > opened) {
        said.textContent = "";
        scrollBox()?.scrollTo(0, 0);
        requestAnimationFrame(() => root.querySelector(".jw-job-name")?.focus());
      }
      opened = state.opened;
    }

    const scrollBox = () => root.closest(".jw-drawer");

    function keys(event) {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      send("close");
    }

    model.on("change:state", draw);
    draw();
    place.append(root);
    requestAnimationFrame(() => {
      outer = scrollBox() ?? root;
      outer.addEventListener("keydown", keys);
    });
    return () => {
      model.off("change:state", draw);
      outer?.removeEventListener("keydown", keys);
      root.remove();
    };
  },
};
