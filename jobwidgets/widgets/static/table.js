// The table of jobs. It shows the rows that are in view and says what the person did; the kernel holds the
// frame and decides everything: order, filter, selection, and what each cell says.
//
// Kernel to browser: the trait `head` (columns, total, sort, selection) and messages {kind: "window"} (the answer to
// "rows"), {kind: "rows"} (what changed in rows that are held), {kind: "order"} (the question was about an old order),
// {kind: "menu"} (what is in the menu that is open). Browser to kernel: {do: …}, as listed in _intents.py.
// The kernel puts menu.js before this file: together they are one module.

const ROW = 28; // px, the same in table.css
const BOX = 36; // px, the column of the boxes
const END = 36; // px, the least of the last column: what opens a row
const TALLEST = 8_000_000; // px; browsers stop at 17 million and more
const MARGIN = 6; // rows painted above and below what is seen
const LARGEST = 200; // rows in one question
const LEAVING = 400; // ms that mouse and keyboard must be elsewhere before rows may move
const PAUSE = 200; // ms without a key before a search
const PATIENCE = 4_000; // ms until an unanswered question is asked again
const STILL_SEEN = 20_000; // ms until a display in view says so again: one that died says nothing

class Table {
  constructor(model, el) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2); // tells two displays of one table apart
    this.rows = new Map(); // index in the order of the kernel -> row
    this.nodes = new Map(); // key of a row -> <tr>
    this.meta = { total: 0, version: -1, jump: 0 };
    this.first = this.last = 0; // what was asked for
    this.asked = 0; // when, or 0
    this.top = 0; // px above the view, if the table were as tall as it should be
    this.focus = 0; // index of the row the keyboard is on
    this.build(el);
    this.onHead = () => this.readHead();
    this.onMessage = (message) => this.read(message);
    model.on("change:head", this.onHead);
    model.on("msg:custom", this.onMessage);
    this.readHead();
    this.watch();
  }

  // ------------------------------------------------------------------ the page

  build(el) {
    this.columns = make("colgroup");
    this.header = make("tr", { role: "row", "aria-rowindex": "1" });
    this.above = make("td", { class: "jw-gap" });
    this.below = make("td", { class: "jw-gap" });
    this.body = make("tbody", { role: "rowgroup", class: "jw-rows" });
    const gap = (cell) => make("tbody", { "aria-hidden": "true" }, make("tr", {}, cell));
    this.grid = make(
      "table",
      { role: "grid", "aria-multiselectable": "true" },
      this.columns,
      make("thead", { role: "rowgroup" }, this.header),
      gap(this.above),
      this.body,
      gap(this.below),
    );
    this.empty = make("div", { class: "jw-empty" });
    this.scroller = make("div", { class: "jw-scroll", tabindex: "-1" }, this.grid, this.empty);
    this.search = make("input", { type: "search", class: "jw-find", maxlength: "100", "aria-label": "Search name, id, engine", placeholder: "Search name, id, engine" });
    this.held = make("div", { class: "jw-held", role: "group", "aria-label": "Filters in force" });
    this.over = make("div", { class: "jw-over" }, this.search, this.held);
    this.said = make("span", { role: "status" });
    this.acts = make("span", { class: "jw-foot-acts" });
    this.foot = make("div", { class: "jw-foot" }, this.said, this.acts);
    this.alert = make("div", { class: "jw-alert", role: "alert" });
    this.apply = make("button", { type: "button", class: "jw-newer" });
    this.news = make("div", { class: "jw-news", role: "status" }, this.apply);
    this.root = make("div", { class: "jobwidgets jw-table" });
    this.root.append(this.over, this.alert, make("div", { class: "jw-middle" }, this.scroller, this.news), this.foot);
    this.menu = new Menu(this.root, (intent, more) => this.say(intent, more), (key) => this.opener(key));
    el.append(this.root);

    this.search.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.say("search", { text: this.search.value }), PAUSE);
    });
    this.search.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key !== "ArrowDown" && event.key !== "Enter") return;
      event.preventDefault(); // the key is of this box: it does not scroll the rows that the keyboard goes to
      this.go(this.focus, false);
    });
    this.apply.addEventListener("click", () => {
      this.say("apply");
      this.go(this.focus, false);
    });
    this.scroller.addEventListener("scroll", () => this.scrolled());
    this.scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.body.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("dblclick", (event) => this.open(event.target.closest("tr")));
    this.header.addEventListener("pointerdown", (event) => this.dragged(event));
    this.header.addEventListener("click", (event) => this.headerClicked(event));
    this.scroller.addEventListener("keydown", (event) => this.pressed(event));
    this.grid.addEventListener("focusin", (event) => this.focused(event));
  }

  watch() {
    this.resized = new ResizeObserver(() => this.paint());
    this.resized.observe(this.scroller);
    this.inView = false;
    this.seen = () => this.inView && document.visibilityState === "visible";
    this.tellSeen = () => this.say("seen", { seen: this.seen() });
    this.beat = setInterval(() => this.seen() && this.tellSeen(), STILL_SEEN);
    this.crossed = new IntersectionObserver((entries) => {
      this.inView = entries.at(-1).isIntersecting;
      this.tellSeen();
    });
    this.crossed.observe(this.root);
    document.addEventListener("visibilitychange", this.tellSeen);
    this.root.addEventListener("focusin", quiet);
    const here = { mouse: false, keys: false };
    const note = (what, there) => () => {
      here[what] = there;
      clearTimeout(this.leaving);
      const at = here.mouse || here.keys;
      if (at !== this.at) this.leaving = setTimeout(() => this.say("at", { at: (this.at = at) }), at ? 0 : LEAVING);
    };
    this.root.addEventListener("pointerenter", note("mouse", true));
    this.root.addEventListener("pointerleave", note("mouse", false));
    this.root.addEventListener("focusin", note("keys", true));
    this.root.addEventListener("focusout", note("keys", false));
    requestAnimationFrame(() => this.panel()?.addEventListener("focusin", quiet)); // not in the page before
  }

  panel() {
    return this.root.closest(".jobwidgets-panel");
  }

  close() {
    this.menu.close(false);
    clearTimeout(this.leaving);
    clearTimeout(this.typing);
    this.resized.disconnect();
    this.crossed.disconnect();
    clearInterval(this.beat);
    document.removeEventListener("visibilitychange", this.tellSeen);
    this.model.off("change:head", this.onHead);
    this.model.off("msg:custom", this.onMessage);
    this.root.remove(); // a page may hold a closed widget for long: not its rows as well
    this.say("gone");
  }

  say(intent, more = {}) {
    try {
      this.model.send({ do: intent, view: this.view, ...more });
    } catch {
      clearInterval(this.beat); // the kernel was restarted: there is nobody who could hear it
    }
  }

  // ------------------------------------------------------- what the kernel says

  readHead() {
    const head = this.model.get("head");
    const columns = JSON.stringify([head.choose, head.open, head.columns.map(({ width, grow, ...rest }) => rest)]);
    if (columns !== this.drawnColumns) {
      this.drawnColumns = columns;
      this.drawColumns(head);
    }
    this.head = head;
    this.drawWidths(head.columns);
    this.grid.setAttribute("aria-label", head.label);
    this.scroller.style.setProperty("--jw-height", `${head.height}px`);
    this.scroller.classList.toggle("jw-fill", head.fill);
    this.root.classList.toggle("jw-plain", !head.choose);
    this.alert.textContent = head.error;
    this.drawOver(head);
    this.drawFoot(head);
    this.drawSort(head);
    this.drawPicked(head.picked);
    this.adopt(head);
    if (this.begun === undefined) this.begin(head);
    this.paint();
  }

  begin({ version }) {
    const { version: of, rows } = this.model.get("begun");
    this.begun = version === of; // the rows that came with the table; the first answer says what is new in them
    for (const { i, ...row } of this.begun ? rows : []) this.rows.set(i, row);
    this.model.set("begun", {}); // here only: a second display asks
  }

  drawOver(head) {
    this.over.hidden = !head.search && !head.filters.length;
    this.search.hidden = !head.search;
    if (document.activeElement !== this.search) this.search.value = head.text;
    const chip = (key, said, label) => {
      const text = make("span", { dir: "auto" });
      text.textContent = said;
      const button = make("button", { type: "button", "aria-label": label, title: label }, text);
      button.addEventListener("click", () => {
        this.say("drop", { filter: key });
        this.go(this.focus, false);
      });
      return button;
    };
    const held = head.filters.map(({ key, text }) => chip(key, text, `Remove the filter: ${text}`));
    if (held.length > 1) held.push(chip("", "Clear all", "Remove all filters"));
    const drawn = JSON.stringify(head.filters);
    if (drawn !== this.drawnFilters) this.held.replaceChildren(...held);
    this.drawnFilters = drawn;
  }

  drawFoot(head) {
    if (this.said.textContent !== head.foot) this.said.textContent = head.foot;
    const old = new Map([...this.acts.children].map((button) => [button.dataset.do, button]));
    const acts = head.acts.map((act) => {
      const button = old.get(act.do) ?? make("button", { type: "button", class: "jw-plainly", "data-do": act.do });
      button.textContent = act.text;
      button.onclick = () => this.say(act.do, act.do === "page" ? this.inSight() : {});
      return button;
    });
    const lost = this.acts.contains(document.activeElement) && !acts.includes(document.activeElement);
    for (const button of old.values()) if (!acts.includes(button)) button.remove();
    acts.forEach((button, at) => this.acts.children[at] !== button && this.acts.insertBefore(button, this.acts.children[at]));
    if (lost) this.go(this.focus, false);
    this.foot.hidden = !head.foot;
    this.news.hidden = !head.waiting;
    if (this.apply.textContent !== head.waiting) this.apply.textContent = head.waiting;
  }

  inSight() {
    const { seen } = this.measure();
    const first = Math.ceil(this.top / ROW);
    const last = Math.min(this.meta.total, Math.max(first + 1, Math.floor((this.top + seen) / ROW)));
    return { first, last, version: this.meta.version };
  }

  adopt(meta) {
    // Custom messages overtake trait updates, so either may bring the news first, and old news is dropped.
    if (meta.version < this.meta.version) return false;
    const changed = meta.version > this.meta.version;
    if (changed && meta.jump !== this.meta.jump) {
      this.rows.clear();
      this.focus = 0;
      this.meta = { ...meta };
      this.setTop(0);
      this.stale = false;
      this.first = this.last = 0;
      this.asked = 0;
    } else if (changed) {
      this.stale = this.meta.version >= 0; // the old rows stay until the answer says where they went
      this.asked = 0;
      if (!this.stale) this.first = this.last = 0;
    }
    this.meta = { total: meta.total, version: meta.version, jump: meta.jump };
    this.grid.setAttribute("aria-rowcount", String(meta.total + 1));
    this.empty.textContent = meta.total ? "" : (this.head ?? this.model.get("head")).empty;
    return true;
  }

  read(message) {
    if (message.kind === "focus") this.go(this.focus, false);
    if (message.view !== this.view) return;
    if (message.kind === "menu") return this.menu.read(message.menu);
    if (!this.adopt(message)) return;
    if (message.kind === "window") this.move(message);
    for (const row of message.rows ?? []) {
      const old = this.rows.get(row.i);
      if (row.id !== undefined) this.rows.set(row.i, { id: row.id, s: row.s, c: row.c });
      else if (old) {
        const cells = old.c.slice();
        for (const [at, cell] of Object.entries(row.c ?? {})) cells[at] = cell;
        this.rows.set(row.i, { id: old.id, s: row.s ?? old.s, c: cells });
      }
    }
    this.paint();
  }

  move(message) {
    this.asked = 0;
    if (message.fresh) this.rows.clear();
    if (this.stale) this.follow(message);
    this.stale = false;
    this.first = message.first;
    this.last = message.last;
    for (const index of this.rows.keys()) {
      if (index < this.first || index >= this.last) this.rows.delete(index);
    }
  }

  follow({ anchor, focus }) {
    // A refresh moved the rows: keep the one at the top of the view where it is, and the focus on its row.
    if (focus) this.focus = focus[1];
    this.focus = clamp(this.focus, 0, Math.max(0, this.meta.total - 1));
    this.measure();
    if (anchor) this.setTop(this.top + (anchor[1] - anchor[0]) * ROW);
    else this.setTop(this.top);
  }

  // ------------------------------------------------------------------- header

  drawColumns(head) {
    const stop = this.header.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    if (this.body.contains(document.activeElement)) this.wantFocus = true;
    const holder = make("th", { role: "columnheader", class: "jw-check", scope: "col" });
    this.all = make("input", { type: "checkbox", tabindex: "-1", "data-key": "all" });
    holder.append(this.all);
    const spans = head.columns.length + (head.choose ? 2 : 1);
    this.headings = new Map(head.columns.map((column) => [column.key, this.heading(column)]));
    const end = make("th", { role: "columnheader", scope: "col", class: "jw-end" }, this.more("", "Columns"));
    this.cols = new Map(head.columns.map((column) => [column.key, make("col")]));
    this.lastCol = make("col");
    const first = head.choose ? [make("col", { style: `width: ${BOX}px` })] : [];
    this.columns.replaceChildren(...first, ...this.cols.values(), this.lastCol);
    this.header.replaceChildren(holder, ...this.headings.values(), end);
    this.grid.setAttribute("aria-colcount", String(spans));
    for (const cell of [this.above, this.below]) cell.colSpan = spans;
    this.stops = [...(head.choose ? [this.all] : []), ...this.header.querySelectorAll("button")];
    const next = this.stops.find((each) => each.dataset.key === stop);
    (next ?? this.stops[head.choose ? 1 : 0]).tabIndex = 0;
    next?.focus();
    this.pattern = this.makePattern(head);
    this.nodes.clear();
    this.body.replaceChildren();
    this.rows.clear(); // their cells are of other columns
    this.first = this.last = this.asked = 0;
  }

  heading(column) {
    const { key, title, hint, right } = column;
    const button = make("button", { type: "button", class: "jw-sort", tabindex: "-1", title: hint || `Sort by ${title}` });
    button.dataset.key = `sort ${key}`;
    button.append(make("span", { class: "jw-title" }), make("span", { class: "jw-arrow", "aria-hidden": "true" }));
    button.firstChild.textContent = title;
    const edge = make("span", { class: "jw-grip", "aria-hidden": "true" });
    const classes = { role: "columnheader", scope: "col", class: right ? "jw-right" : "" };
    return make("th", classes, button, this.more(key, `Filter ${title}`), edge);
  }

  more(key, name) {
    const names = { "aria-label": name, title: name, "aria-haspopup": "dialog", "aria-expanded": "false" };
    const button = make("button", { type: "button", class: "jw-more", tabindex: "-1", ...names });
    button.dataset.key = `menu ${key}`;
    return button;
  }

  opener(key) {
    return this.stops.find((stop) => stop.dataset.key === `menu ${key}`);
  }

  drawWidths(columns) {
    const grows = columns.some((column) => column.grow);
    for (const { key, width, grow } of columns) this.cols.get(key).style.width = grow ? "" : `${Number(width)}px`;
    this.lastCol.style.width = grows ? `${END}px` : ""; // else it takes what is left
    const sum = columns.reduce((all, { width }) => all + Number(width), 0);
    this.grid.style.minWidth = `${sum + END + (this.head.choose ? BOX : 0)}px`;
  }

  dragged(event) {
    if (event.button || !event.target.classList.contains("jw-grip")) return;
    event.preventDefault();
    const [edge, heading] = [event.target, event.target.closest("th")];
    const [key] = [...this.headings].find(([, node]) => node === heading);
    const [from, was] = [event.clientX, heading.offsetWidth];
    const width = (at) => Math.round(was + at.clientX - from);
    edge.setPointerCapture(event.pointerId);
    const moved = (at) => {
      const shown = this.head.columns.map((c) => (c.key === key ? { ...c, width: clamp(width(at), 48, 900), grow: false } : c));
      this.drawWidths(shown);
    };
    const done = (at) => {
      edge.removeEventListener("pointermove", moved);
      if (at.type === "pointerup" && width(at) !== was) this.say("width", { column: key, width: width(at) });
      else this.drawWidths(this.head.columns);
    };
    edge.addEventListener("pointermove", moved);
    for (const end of ["pointerup", "pointercancel"]) edge.addEventListener(end, done, { once: true });
  }

  drawSort({ sort, marked }) {
    for (const [key, heading] of this.headings) {
      const on = sort && sort[0] === key;
      heading.setAttribute("aria-sort", on ? (sort[1] ? "descending" : "ascending") : "none");
      heading.classList.toggle("jw-marked", marked.includes(key));
      const button = this.opener(key);
      const name = button.title.replace(/ \(filtered\)$/, "");
      button.title = marked.includes(key) ? `${name} (filtered)` : name;
      button.setAttribute("aria-label", button.title);
    }
  }

  drawPicked(picked) {
    this.all.checked = picked.all;
    this.all.indeterminate = picked.count > 0 && !picked.all;
    this.all.setAttribute("aria-label", picked.label);
    this.all.title = picked.label;
  }

  headerClicked(event) {
    if (event.target === this.all) {
      event.preventDefault(); // the kernel says what is selected
      this.say(this.all.indeterminate || !this.head.picked.all ? "all" : "none");
      return;
    }
    const [, what, column] = event.target.closest("button")?.dataset.key.match(/^(sort|menu) (.*)$/s) ?? [];
    if (what === "menu") this.menu.toggle(column);
    else if (what) this.say("sort", { column });
  }

  // ------------------------------------------------------------------ scrolling

  measure() {
    const seen = Math.max(0, this.scroller.clientHeight - this.header.offsetHeight);
    const full = this.meta.total * ROW;
    const tall = Math.min(full, TALLEST);
    this.size = { seen, full, tall, scale: full > tall ? (full - seen) / (tall - seen) : 1 };
    return this.size;
  }

  scrolled() {
    const { full, seen, scale } = this.measure();
    const at = this.scroller.scrollTop;
    if (scale === 1) this.top = at;
    else if (Math.abs(at - this.placed) >= 1) this.top = clamp(at * scale, 0, full - seen);
    this.paint();
  }

  setTop(top) {
    const { full, seen, tall, scale } = this.measure();
    this.top = clamp(top, 0, Math.max(0, full - seen));
    this.placed = this.top / scale;
    if (this.scroller.scrollHeight < tall) this.below.style.height = `${tall}px`; // or it could not scroll so far
    this.scroller.scrollTop = this.placed;
  }

  wheel(event) {
    if (this.measure().scale === 1 || event.ctrlKey || !event.deltaY) return;
    // A scaled scroll bar would jump by hundreds of rows: the wheel moves by what it says.
    const unit = [1, ROW, this.size.seen][event.deltaMode];
    const before = this.top;
    this.setTop(this.top + event.deltaY * unit);
    if (this.top !== before) event.preventDefault();
    this.paint();
  }

  // ------------------------------------------------------------------- painting

  paint() {
    const { seen, tall, scale } = this.measure();
    const { total } = this.meta;
    const from = clamp(Math.floor(this.top / ROW) - MARGIN, 0, total);
    let to = clamp(Math.ceil((this.top + seen) / ROW) + MARGIN, 0, total);
    const at = scale === 1 ? this.top : this.placed;
    const before = at + from * ROW - this.top;
    let after = tall - before - (to - from) * ROW;
    if (after < 0 && scale !== 1) to = Math.max(from, to + Math.floor(after / ROW));
    after = tall - before - (to - from) * ROW;
    this.above.style.height = `${Math.max(0, before)}px`;
    this.below.style.height = `${Math.max(0, after)}px`;
    this.body.style.transform = before < 0 ? `translateY(${before}px)` : "";
    if (scale === 1 && Math.abs(this.scroller.scrollTop - this.top) >= 1) this.scroller.scrollTop = this.top;
    this.place(from, to);
    this.need(from, to, seen);
  }

  place(from, to) {
    const held = document.activeElement === this.scroller || this.body.contains(document.activeElement);
    const wanted = new Map();
    let next = this.body.firstChild;
    for (let index = from; index < to; index += 1) {
      const row = this.rows.get(index);
      const key = row ? `=${row.id}` : `#${index}`;
      const node = this.nodes.get(key) ?? this.waiting(index, wanted) ?? this.pattern.cloneNode(true);
      this.fill(node, index, row);
      wanted.set(key, node);
      if (node === next) next = next.nextSibling;
      else this.body.insertBefore(node, next);
    }
    const kept = new Set(wanted.values());
    for (const node of this.nodes.values()) if (!kept.has(node)) node.remove();
    this.nodes = wanted;
    if (held || this.wantFocus) this.giveFocus();
    this.scroller.tabIndex = from <= this.focus && this.focus < to ? -1 : 0; // stands in for a row out of view
  }

  waiting(index, wanted) {
    // A row that waited for its content keeps its element, so that a press of the mouse on it still counts.
    const node = this.nodes.get(`#${index}`);
    return node && !wanted.has(`#${index}`) ? node : undefined;
  }

  makePattern(head) {
    const node = make("tr", { role: "row" }); // of all rows
    const box = make("input", { type: "checkbox", tabindex: "-1" });
    node.append(make("td", { role: "gridcell", class: "jw-check" }, box));
    for (const column of head.columns) {
      const kind = `jw-${column.kind}${column.right ? " jw-right" : ""}`;
      node.append(make("td", { role: "gridcell", class: kind }, make("span", { dir: "auto" })));
    }
    const end = make("td", { role: "gridcell", class: "jw-end" });
    if (head.open) end.append(make("button", { type: "button", class: "jw-open", tabindex: "-1" }));
    node.append(end);
    return node;
  }

  fill(node, index, row) {
    node.tabIndex = index === this.focus ? 0 : -1;
    node.dataset.index = index;
    node.setAttribute("aria-rowindex", String(index + 2));
    node.classList.toggle("jw-odd", index % 2 === 1);
    if (node.shown === row && row) return;
    node.shown = row;
    node.classList.toggle("jw-wait", !row);
    const [first, ...cells] = node.children;
    const open = cells.pop().firstChild;
    if (open) {
      open.title = row ? `Open ${row.id}` : "";
      open.setAttribute("aria-label", open.title);
    }
    first.firstChild.checked = Boolean(row?.s);
    first.firstChild.setAttribute("aria-label", row ? `Select ${row.id}` : "loading");
    node.setAttribute("aria-selected", String(Boolean(row?.s)));
    cells.forEach((cell, at) => this.fillCell(cell, row?.c[at]));
  }

  fillCell(node, cell) {
    if (node.shown === cell) return;
    node.shown = cell;
    const text = node.firstChild;
    text.textContent = cell?.t ?? "";
    text.className = cell?.f ? `jw-face jw-face-${cell.f}` : "";
    node.title = cell?.h ?? cell?.t ?? "";
    node.classList.toggle("jw-bar", cell?.p !== undefined);
    if (cell?.p !== undefined) node.style.setProperty("--jw-part", String(Number(cell.p)));
  }

  need(from, to, seen) {
    const fits = from >= this.first && to <= this.last;
    if (!seen || (fits && !this.stale) || Date.now() - this.asked < PATIENCE) return;
    const extra = clamp(Math.floor((LARGEST - (to - from)) / 2), 0, to - from);
    const { total, version } = this.meta;
    const more = { version, first: Math.max(0, from - extra), last: Math.min(total, to + extra) };
    if (this.stale) {
      const at = Math.floor(this.top / ROW);
      if (this.top > 0 && this.rows.has(at)) more.anchor = [this.rows.get(at).id, at];
      if (this.rows.has(this.focus)) more.focus = [this.rows.get(this.focus).id, this.focus];
    }
    if (!this.rows.size) more.anew = true;
    else if (this.begun) more.begun = true;
    this.begun = false;
    this.asked = Date.now();
    this.say("rows", more);
    clearTimeout(this.again);
    this.again = setTimeout(() => this.root.isConnected && this.asked && this.paint(), PATIENCE + 50);
  }

  // ------------------------------------------------------- mouse and keyboard

  clicked(event) {
    const node = event.target.closest("tr");
    if (!node?.dataset.index) return;
    if (event.target.closest(".jw-open")) return this.open(node);
    const box = event.target.closest(".jw-check");
    if (box) event.preventDefault();
    else if (!getSelection().isCollapsed && this.body.contains(getSelection().anchorNode)) return; // copying text
    const index = Number(node.dataset.index);
    this.focus = index;
    const many = event.ctrlKey || event.metaKey || Boolean(box);
    this.pick(index, event.shiftKey ? (many ? "more" : "range") : many ? "toggle" : "only");
    this.wantFocus = true;
    this.paint();
  }

  open(node) {
    const index = Number(node?.dataset.index);
    const row = this.rows.get(index);
    if (!row || !this.head.open) return;
    this.focus = index;
    this.say("open", { index, id: row.id, version: this.meta.version });
  }

  pick(index, how) {
    this.say("pick", { how, index, id: this.rows.get(index)?.id ?? null, version: this.meta.version });
  }

  focused(event) {
    const node = event.target.closest("tbody.jw-rows tr");
    if (node) this.focus = Number(node.dataset.index);
  }

  giveFocus() {
    const node = [...this.body.children].find((each) => Number(each.dataset.index) === this.focus) ?? this.scroller;
    if (document.activeElement !== node) node.focus({ preventScroll: true });
    if (this.wantFocus && node !== this.scroller) node.scrollIntoView({ block: "nearest" });
    this.wantFocus = false;
  }

  go(index, extend) {
    const { seen } = this.measure();
    if (!this.meta.total) return;
    this.focus = clamp(index, 0, this.meta.total - 1);
    const at = this.focus * ROW;
    if (at < this.top) this.setTop(at);
    else if (at + ROW > this.top + seen) this.setTop(at + ROW - seen);
    this.wantFocus = true;
    this.paint();
    if (extend) this.pick(this.focus, "range");
  }

  pressed(event) {
    if (event.altKey && event.key === "ArrowDown" && this.header.contains(event.target)) {
      const [, key] = event.target.dataset.key.split(/ (.*)/s);
      if (key) this.menu.toggle(key);
      event.preventDefault();
    }
    if (event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (command && key === "a") this.say("all");
    else if (key === "/" && !command) (this.head.search ? this.search : this.panel()?.querySelector(".jw-search input"))?.focus();
    else if (this.header.contains(event.target)) {
      if (!this.headerKey(key, event.target, event.shiftKey)) return;
    } else if (!this.rowKey(key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  headerKey(key, target, wide) {
    const at = this.stops.indexOf(target);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.stops.length - 1 }[key];
    if (key === "ArrowDown") this.go(this.focus, false);
    else if (wide && ["ArrowLeft", "ArrowRight"].includes(key)) {
      const [, column] = target.dataset.key.split(/ (.*)/s);
      const step = key === "ArrowLeft" ? -16 : 16;
      if (column) this.say("width", { column, width: target.closest("th").offsetWidth + step });
    } else if (to === undefined) return false;
    else {
      for (const stop of this.stops) stop.tabIndex = -1;
      const stop = this.stops[clamp(to, 0, this.stops.length - 1)];
      stop.tabIndex = 0;
      stop.focus();
    }
    return true;
  }

  rowKey(key, shift) {
    const page = Math.max(1, Math.floor(this.measure().seen / ROW) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[key];
    if (key === "ArrowUp" && this.focus === 0 && !shift) this.stops.find((stop) => stop.tabIndex === 0)?.focus();
    else if (step !== undefined) this.go(this.focus + step, shift);
    else if (key === " ") this.pick(this.focus, shift ? "range" : "toggle");
    else if (key === "Enter" && this.head.open) this.open(this.body.querySelector(`tr[data-index="${this.focus}"]`));
    else if (key === "Escape") this.say("none");
    else return false;
    return true;
  }
}

export default {
  render({ model, el }) {
    const table = new Table(model, el);
    return () => table.close();
  },
};
