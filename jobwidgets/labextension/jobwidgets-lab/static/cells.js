// Cells that this extension puts into notebooks. Only what a person has pressed a button for is run.
const LONGEST = 20_000; // characters of code that an output may offer

// Put code into a new cell below another one, and make it the active one.
export function insertBelow(notebook, index, code) {
  notebook.model.sharedModel.insertCell(index + 1, { cell_type: "code", source: code, metadata: { trusted: true } });
  notebook.deselectAll();
  notebook.activeCellIndex = index + 1;
  notebook.scrollToItem?.(index + 1);
}

// Take code that an output offers, and put it below the cell of that output. It is not run.
export function onNewCell(notebooks) {
  document.addEventListener("jobwidgets:new-cell", (event) => {
    const code = event.detail?.code;
    if (typeof code !== "string" || !code.trim() || code.length > LONGEST) return;
    const place = placeOf(notebooks, event.target);
    if (!place || place.notebook.model?.readOnly) return; // not taken: whoever offers it has another way
    insertBelow(place.notebook, place.index, code);
    event.preventDefault();
  });
}

// The notebook and the cell whose output this is: an output that was moved to a tab of its own counts to the active one.
function placeOf(notebooks, target) {
  const output = target instanceof Element ? target.closest(".jp-OutputArea") : null;
  if (!output) return null;
  const panel = notebooks.find((each) => each.content.node.contains(output));
  if (panel) {
    const index = panel.content.widgets.findIndex((cell) => cell.node.contains(output));
    return index < 0 ? null : { notebook: panel.content, index };
  }
  const notebook = output.closest(".jp-LinkedOutputView") && notebooks.currentWidget?.content;
  return notebook ? { notebook, index: notebook.activeCellIndex } : null;
}

// Run code in a new cell below the active one.
export async function runBelow(panel, actions, code) {
  insertBelow(panel.content, panel.content.activeCellIndex, code);
  await actions.run(panel.content, panel.sessionContext);
}

const DEMO = [
  {
    cell_type: "markdown",
    source:
      "# Jobs of the demo\n\n`jw.demo()` connects to a small aiWARE service that runs on this machine, with a month of " +
      "invented jobs: every button may be pressed.\nWith a service of your own the line is `client = jw.connect()`.",
    metadata: {},
  },
  { cell_type: "code", source: "import jobwidgets as jw\n\nclient = jw.demo()", metadata: { trusted: true } },
  { cell_type: "code", source: "jw.JobPanel(client)", metadata: { trusted: true } },
];

// Open a new notebook with the first cells of the tour, and run them.
export async function openDemo(app, actions, cwd) {
  const { kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const { default: usual, kernelspecs: known } = kernelspecs.specs;
  const kernelName = [usual, ...Object.keys(known)].find((name) => known[name]?.language.toLowerCase() === "python");
  const panel = await app.commands.execute("notebook:create-new", { cwd, kernelName, activate: true });
  await panel.context.ready;
  await panel.sessionContext.ready;
  const cells = panel.content.model.sharedModel;
  cells.transact(() => {
    cells.deleteCellRange(0, cells.cells.length);
    cells.insertCells(0, DEMO);
  });
  await actions.runAll(panel.content, panel.sessionContext);
  return panel;
}
