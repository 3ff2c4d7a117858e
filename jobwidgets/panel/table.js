// The table of jobs. It shows the rows that are in view and says what the person did; the kernel holds the
// frame and decides everything: order, filter, selection, and what each cell says.
//
// Kernel to browser: the trait `head` (columns, total, sort, selection) and messages {kind: "window"} (the answer to
// "rows"), {kind: "rows"} (what changed in rows that are held), {kind: "order"} (the question was about an old order).
// Browser to kernel: {do: "rows" | "sort" | "pick" | "all" | "none" | "seen" | "gone"}.

const ROW = 28; // px, the same in table.css
const TALLEST = 8_000_000; // px; browsers stop at 17 million and more
const MARGIN = 6; // rows painted above and below what is seen
const LARGEST = 200; // rows in one question
const PATIENCE = 4_000; // ms until an unanswered question is asked again
const STILL_SEEN = 20_000; // ms until a display in view says so again: one that died says nothing

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

function quiet(event) {
  // The notebook's one-letter shortcuts must not fire while one of our controls has the keyboard.
  event.target.setAttribute("data-lm-suppress-shortcuts", "true");
}

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
    this.foot = make("div", { class: "jw-foot", role: "status" });
    this.alert = make("div", { class: "jw-alert", role: "alert" });
    this.root = make("div", { class: "jobwidgets jw-table" });
    this.root.append(this.alert, this.scroller, this.foot);
    el.append(this.root);

    this.scroller.addEventListener("scroll", () => this.scrolled());
    this.scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.body.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault());
    this.body.addEventListener("click", (event) => this.clicked(event));
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
    requestAnimationFrame(() => this.panel()?.addEventListener("focusin", quiet)); // not in the page before
  }

  panel() {
    return this.root.closest(".jobwidgets-panel");
  }

  close() {
    this.resized.disconnect();
    this.crossed.disconnect();
    clearInterval(this.beat);
    document.removeEventListener("visibilitychange", this.tellSeen);
    this.model.off("change:head", this.onHead);
    this.model.off("msg:custom", this.onMessage);
    this.say("gone");
  }

  say(intent, more = {}) {
    this.model.send({ do: intent, view: this.view, ...more });
  }

  // ------------------------------------------------------- what the kernel says

  readHead() {
    const head = this.model.get("head");
    const columns = JSON.stringify([head.choose, head.columns]);
    if (columns !== this.drawnColumns) {
      this.drawnColumns = columns;
      this.drawColumns(head);
    }
    this.head = head;
    this.grid.setAttribute("aria-label", head.label);
    this.scroller.style.setProperty("--jw-height", `${head.height}px`);
    this.scroller.classList.toggle("jw-fill", head.fill);
    this.root.classList.toggle("jw-plain", !head.choose);
    this.foot.textContent = head.foot;
    this.alert.textContent = head.error;
    this.drawSort(head.sort);
    this.drawPicked(head.picked);
    this.adopt(head);
    this.paint();
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
    if (message.view !== this.view || !this.adopt(message)) return;
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
    const holder = make("th", { role: "columnheader", class: "jw-check", scope: "col" });
    this.all = make("input", { type: "checkbox", tabindex: "-1" });
    holder.append(this.all);
    const boxes = head.choose ? 36 : 0;
    this.columns.replaceChildren(...(boxes ? [make("col", { style: `width: ${boxes}px` })] : []));
    this.header.replaceChildren(holder);
    this.headings = new Map();
    let width = boxes;
    for (const column of head.columns) {
      this.columns.append(column.grow ? make("col") : make("col", { style: `width: ${Number(column.width)}px` }));
      width += Number(column.width);
      const button = make("button", { type: "button", tabindex: "-1", title: column.hint || `Sort by ${column.title}` });
      button.append(make("span", { class: "jw-title" }), make("span", { class: "jw-arrow", "aria-hidden": "true" }));
      button.firstChild.textContent = column.title;
      const heading = make("th", { role: "columnheader", scope: "col", class: column.right ? "jw-right" : "" }, button);
      this.headings.set(column.key, heading);
      this.header.append(heading);
    }
    this.grid.style.minWidth = `${width}px`;
    this.grid.setAttribute("aria-colcount", String(head.columns.length + (boxes ? 1 : 0)));
    for (const cell of [this.above, this.below]) cell.colSpan = head.columns.length + (boxes ? 1 : 0);
    this.stops = [this.all, ...this.header.querySelectorAll("button")];
    this.stops[1]?.setAttribute("tabindex", "0");
    this.nodes.clear();
    this.body.replaceChildren();
  }

  drawSort(sort) {
    for (const [key, heading] of this.headings) {
      const on = sort && sort[0] === key;
      heading.setAttribute("aria-sort", on ? (sort[1] ? "descending" : "ascending") : "none");
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
    const heading = event.target.closest("th");
    for (const [key, node] of this.headings) if (node === heading) this.say("sort", { column: key });
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
      const node = this.nodes.get(key) ?? this.waiting(index, wanted) ?? this.makeRow();
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

  makeRow() {
    const node = make("tr", { role: "row" });
    const box = make("input", { type: "checkbox", tabindex: "-1" });
    node.append(make("td", { role: "gridcell", class: "jw-check" }, box));
    for (const column of this.head?.columns ?? this.model.get("head").columns) {
      const kind = `jw-${column.kind}${column.right ? " jw-right" : ""}`;
      node.append(make("td", { role: "gridcell", class: kind }, make("span", { dir: "auto" })));
    }
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
    this.asked = Date.now();
    this.say("rows", more);
    clearTimeout(this.again);
    this.again = setTimeout(() => this.root.isConnected && this.asked && this.paint(), PATIENCE + 50);
  }

  // ------------------------------------------------------- mouse and keyboard

  clicked(event) {
    const node = event.target.closest("tr");
    if (!node?.dataset.index) return;
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
    if (event.altKey) return;
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (command && key === "a") this.say("all");
    else if (key === "/" && !command) this.panel()?.querySelector(".jw-search input")?.focus();
    else if (this.header.contains(event.target)) {
      if (!this.headerKey(key, event.target)) return;
    } else if (!this.rowKey(key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  headerKey(key, target) {
    const at = this.stops.indexOf(target);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.stops.length - 1 }[key];
    if (key === "ArrowDown") this.go(this.focus, false);
    else if (to === undefined) return false;
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
