// The line to the kernel of the notebook in front: finds out whether jobwidgets listens there, and hears from it.
const TARGET = "jobwidgets.side";
const STILL_THERE = 20_000; // milliseconds between two signs of life; the kernel stops reading a minute after the last
const SETTLED = 300; // milliseconds after a cell has run: a run of many cells is one change
const SHORT = 1_000; // milliseconds that a kernel may be busy before it is worth a word
const GONE = new Set(["restarting", "autorestarting", "terminating", "dead"]);
const COMING = new Set(["initializing", "starting", "connecting"]);
// Looked up without running anything of ours: is somebody there to talk to, and is jobwidgets loaded at all?
const LOOK = {
  listens: `${JSON.stringify(TARGET)} in get_ipython().kernel.comm_manager.targets`,
  loaded: '"jobwidgets" in __import__("sys").modules',
};

export class Line {
  // `actions` tells of cells that were run.
  constructor(actions) {
    this.changed = () => {};
    this.panel = this.told = null;
    this._kernel = this._comm = null;
    this._found = ""; // what the last look found: "", "nothing", "loaded"
    this._looking = this._watched = this._busy = false;
    this._sync = this._sync.bind(this);
    actions.executed.connect((_, { notebook }) => {
      if (notebook === this.panel?.content) this._later(() => this._again());
    });
    setInterval(() => this._sayStillThere(), STILL_THERE);
  }

  // How things stand: "notebook" (there is none), "kernel" (none), "dead", "starting", "busy" (cannot be asked now),
  // "language", "nothing" (jobwidgets is not there), "service" (no connection), or "jobs".
  get stands() {
    if (!this.panel) return "notebook";
    const kernel = this._kernel;
    if (!kernel) return COMING.has(this.panel.sessionContext.kernelDisplayStatus) ? "starting" : "kernel";
    if (kernel.status === "dead") return "dead";
    if (GONE.has(kernel.status) || kernel.status === "starting") return "starting";
    if (this.told) return this.told.service ? "jobs" : "service";
    if (this._found === "loaded") return "service";
    if (this._found) return this._found;
    return this._busy ? "busy" : "starting";
  }

  get busy() {
    return this._busy;
  }

  // Follow a notebook, or none.
  follow(panel) {
    if (panel === this.panel) return;
    const signals = ({ sessionContext: on }) => [on.statusChanged, on.kernelChanged, on.sessionChanged];
    for (const signal of this.panel ? signals(this.panel) : []) signal.disconnect(this._sync);
    this.panel = panel;
    for (const signal of panel ? signals(panel) : []) signal.connect(this._sync);
    this._sync();
  }

  // Say whether anybody looks: nothing is asked for nobody.
  watch(watched) {
    if (watched === this._watched) return;
    this._watched = watched;
    if (this._comm) this._comm.send({ do: watched ? "watch" : "rest" });
    else this._again();
  }

  refresh() {
    if (this._comm) this._comm.send({ do: "refresh" });
    else this._again();
  }

  _sync() {
    const found = this.panel?.sessionContext.session?.kernel;
    const kernel = found && !found.isDisposed ? found : null;
    if (kernel !== this._kernel) {
      this._drop();
      this._kernel = kernel;
    } else if (kernel && GONE.has(kernel.status)) {
      this._drop();
    }
    this._noteBusy();
    this._look();
    this.changed();
  }

  // A kernel that is busy for a moment only, as with our own questions, is not worth a word.
  _noteBusy() {
    if (this._kernel?.status !== "busy") {
      clearTimeout(this._busySoon);
      this._busySoon = null;
      this._busy = false;
    } else if (!this._busySoon) {
      this._busySoon = setTimeout(() => {
        this._busy = true;
        this.changed();
      }, SHORT);
    }
  }

  _drop() {
    const comm = this._comm;
    this._comm = this.told = null;
    this._found = "";
    if (comm && !comm.isDisposed && !GONE.has(this._kernel?.status)) comm.close();
  }

  _later(call) {
    clearTimeout(this._soon);
    this._soon = setTimeout(call, SETTLED);
  }

  // Something has happened in the notebook: another client may be the last one now.
  _again() {
    if (this._comm) {
      if (this._watched) this._comm.send({ do: "watch" });
    } else {
      this._found = "";
      this._look();
    }
  }

  async _look() {
    const kernel = this._kernel;
    if (!kernel || !this._watched || this._comm || this._found || this._looking || kernel.status !== "idle") return;
    this._looking = true;
    try {
      const { language_info: language } = await kernel.info;
      const found = language.name === "python" ? await looked(kernel) : { other: true };
      if (kernel === this._kernel && !this._comm) this._take(found);
    } catch (error) {
      if (kernel === this._kernel && !GONE.has(kernel.status)) throw error; // else it went away while it was asked
    } finally {
      this._looking = false;
    }
    this._look(); // another kernel may have come to the front meanwhile
    this.changed();
  }

  _take({ listens, loaded, other }) {
    if (listens) this._open();
    else this._found = other ? "language" : loaded ? "loaded" : "nothing";
  }

  _open() {
    const comm = (this._comm = this._kernel.createComm(TARGET));
    comm.onMsg = ({ content }) => {
      if (comm !== this._comm) return;
      this.told = content.data;
      this.changed();
    };
    comm.onClose = () => {
      if (comm !== this._comm) return;
      this._comm = this.told = null;
      this._again();
      this.changed();
    };
    comm.open({});
  }

  _sayStillThere() {
    if (this._comm && this._watched && this._kernel.status === "idle") this._comm.send({ do: "watch" });
  }
}

async function looked(kernel) {
  const options = { code: "", silent: true, store_history: false, stop_on_error: false, user_expressions: LOOK };
  const { content } = await kernel.requestExecute(options).done;
  const yes = (name) => content.user_expressions?.[name]?.data?.["text/plain"] === "True";
  return { listens: yes("listens"), loaded: yes("loaded") };
}
