// The side panel: it shows what the kernel told, as text and nothing else, and decides nothing.
import { openDemo, runBelow } from "./cells.js";

const CONNECT = "import jobwidgets as jw\n\nclient = jw.connect()";
const STANDS = {
  notebook: { text: "No notebook is open", hint: "Open one that is connected to a service, or start the demo.", demo: true },
  kernel: { text: "This notebook has no kernel", hint: "Choose one at the top right of the notebook." },
  dead: { text: "The kernel has died", hint: "Restart it, and run the cell that connects." },
  starting: { text: "Asking the kernel…" },
  busy: { text: "The kernel is busy", hint: "The jobs are shown as soon as it has finished what it runs." },
  language: { text: "This notebook's kernel is not Python", hint: "jobwidgets works in Python notebooks." },
  nothing: { text: "jobwidgets is not loaded in this notebook", hint: "Run a cell with:", code: CONNECT, demo: true },
  service: { text: "Not connected to a service", hint: "Run a cell with:", code: CONNECT, demo: true },
};
const ENVIRONMENTS = new Set(["demo", "staging", "production"]);

function element(name, className, ...children) {
  const node = document.createElement(name);
  node.className = className;
  node.append(...children); // texts become text
  return node;
}

function button(className, text, title, press) {
  const node = element("button", `jw-side-button ${className}`, text);
  node.type = "button";
  node.title = title;
  node.addEventListener("click", press);
  return node;
}

function show(node, wanted) {
  node.hidden = !wanted;
}

// Change a text only where it is another one: what is read out must not be read out twice.
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
  show(node, text);
}

function clock(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? "" : at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function day(iso) {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  return at.toLocaleString([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

export function sideOf({ Widget, app, line, actions }) {
  const label = element("strong", "jw-side-label");
  const badge = element("span", "jw-side-badge");
  const where = element("div", "jw-side-where");
  const again = button("jw-side-again", "Refresh", "Read the jobs again", () => line.refresh());
  const head = element("header", "jw-side-head", element("div", "jw-side-title", label, badge), where);

  const text = element("p", "jw-side-text");
  const hint = element("p", "jw-side-hint");
  const code = element("pre", "jw-side-code");
  const demo = button("jw-side-plain", "Start the demo", "A new notebook with invented jobs; needs no account", () =>
    openDemo(app, actions),
  );
  const stands = element("section", "jw-side-stands", text, hint, code, demo);
  text.setAttribute("role", "status");

  const total = element("h3", "jw-side-heading");
  const asOf = element("span", "jw-side-dim");
  const counts = element("ul", "jw-side-counts");
  const trouble = element("p", "jw-side-trouble");
  trouble.setAttribute("role", "alert");
  const open = button("jw-side-main", "Open the panel in this notebook", "", () =>
    runBelow(line.panel, actions, line.told.code),
  );
  const done = element("h3", "jw-side-heading", "Last operations");
  const receipts = element("ul", "jw-side-receipts");
  const none = element("p", "jw-side-hint", "Nothing was cancelled or retried yet.");
  const jobs = element(
    "section",
    "jw-side-jobs",
    element("div", "jw-side-row", element("div", "", total, asOf), again),
    trouble,
    counts,
    open,
    done,
    receipts,
    none,
  );

  class Side extends Widget {
    constructor() {
      super();
      this.id = "jobwidgets-side";
      this.addClass("jw-side");
      this.node.setAttribute("role", "region");
      this.node.setAttribute("aria-label", "Jobs");
      this.node.append(head, stands, jobs);
      this._look = () => line.watch(this.isVisible && !document.hidden);
      document.addEventListener("visibilitychange", this._look);
      line.changed = () => this.draw();
      this.draw();
    }

    dispose() {
      document.removeEventListener("visibilitychange", this._look);
      line.changed = () => {};
      line.follow(null);
      super.dispose();
    }

    onAfterShow() {
      this._look();
    }

    onAfterHide() {
      this._look();
    }

    draw() {
      const now = line.stands;
      const told = line.told ?? {};
      this.node.dataset.stands = now;
      label.textContent = now === "jobs" ? told.service : "Jobs";
      const environment = now === "jobs" && ENVIRONMENTS.has(told.environment) ? told.environment : "";
      badge.textContent = environment;
      badge.className = `jw-side-badge jw-side-${environment}`;
      show(badge, environment);
      say(where, line.panel ? `in ${line.panel.title.label}` : "");
      const { text: line1 = "", hint: line2 = "", code: sample = "", demo: offered = false } = STANDS[now] ?? {};
      const busy = now === "jobs" && line.busy;
      say(text, busy ? "The kernel is busy: this may be a while ago" : line1);
      say(hint, line2);
      say(code, sample);
      show(demo, offered);
      show(stands, now !== "jobs" || busy);
      show(jobs, now === "jobs");
      if (now === "jobs") this._drawJobs(told);
    }

    _drawJobs({ total: all, as_of: moment, error, counts: rows = [], receipts: ops, code: line3 }) {
      total.textContent = all;
      say(asOf, moment ? `as of ${clock(moment)}` : "");
      say(trouble, error ?? "");
      counts.replaceChildren(...rows.map(countRow));
      show(counts, rows.length);
      open.title = line3 ?? "";
      open.disabled = !line3;
      show(done, ops);
      show(receipts, ops?.length);
      show(none, ops && !ops.length);
      receipts.replaceChildren(...(ops ?? []).map(receiptRow));
    }
  }
  return new Side();
}

function countRow({ status, face, count, share }) {
  const bar = element("span", "jw-side-bar");
  bar.setAttribute("aria-hidden", "true");
  bar.style.setProperty("--jw-share", Number(share) || 0);
  const word = element("span", `jw-side-face jw-side-face-${/^[a-z_]+$/.test(face) ? face : "other"}`, status);
  return element("li", "", word, bar, element("span", "jw-side-count", count));
}

function receiptRow({ op, verb, why, said, begun, state }) {
  const first = element("div", "jw-side-row", element("strong", "", verb), element("span", "jw-side-dim", day(begun)));
  const second = element("div", "jw-side-said", said);
  if (state) second.append(" ", element("span", "jw-side-open", state));
  const last = element("div", "jw-side-dim jw-side-op", op);
  return element("li", state ? "jw-side-unfinished" : "", first, second, element("div", "jw-side-said", why), last);
}
