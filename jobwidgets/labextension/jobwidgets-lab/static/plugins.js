// What this extension adds to the page: each part only where the page has a place for it.
import { onNewCell, openDemo } from "./cells.js";
import { Line } from "./line.js";
import { sideOf } from "./side.js";

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="20">' +
  '<g class="jp-icon3" fill="#616161"><path d="m3.2 6 1.5 1.5L7.8 4l1 .9-4.1 4.6-2.5-2.5zM3 11h6v2.4H3zM4.6 16.2 6 17.6l1.4-1.4 1 1L7 18.6 8.4 20l-1 1L6 19.6 4.6 21l-1-1L5 18.6l-1.4-1.4zM11 5.8h10v2.2H11zM11 11.1h10v2.2H11zM11 16.9h7v2.2h-7z"/></g>' +
  "</svg>";

export async function plugins(take, here) {
  const names = ["application", "apputils", "launcher", "notebook", "ui-components"];
  const [application, apputils, launcher, notebook, ui] = await Promise.all(
    names.map((name) => take(`@jupyterlab/${name}`)),
  );
  const tracker = notebook?.INotebookTracker;
  if (!tracker) return []; // a page without notebooks, as Voila's
  const newCell = {
    id: "jobwidgets-lab:new-cell",
    description: "Puts code that jobwidgets offers into a new cell.",
    autoStart: true,
    requires: [tracker],
    activate: (_app, notebooks) => onNewCell(notebooks),
  };
  if (!application?.ILabShell || !ui) return [newCell];
  const { Widget } = await take("@lumino/widgets");
  const side = {
    id: "jobwidgets-lab:side",
    description: "Shows the jobs of the connected service at the left, and offers the demo.",
    autoStart: true,
    requires: [tracker],
    optional: [application.ILabShell, launcher?.ILauncher, apputils?.ICommandPalette].filter(Boolean),
    activate: (app, notebooks, ...given) => activate(app, notebooks, given, { notebook, ui, Widget, here }),
  };
  return [newCell, side];
}

function activate(app, notebooks, given, { notebook, ui, Widget, here }) {
  // the optional services come in the order asked for; a page that lacks one gives null
  const shell = given.find((each) => each === app.shell);
  if (!shell) return; // Notebook 7: no place for a side panel of ours
  const launcher = given.find((each) => each && each !== shell && "add" in each);
  const palette = given.find((each) => each && "addItem" in each);
  addStyle(here);
  const icon = new ui.LabIcon({ name: "jobwidgets:jobs", svgstr: ICON });
  const line = new Line(notebook.NotebookActions);
  const side = sideOf({ Widget, app, line, actions: notebook.NotebookActions });
  side.title.icon = icon;
  side.title.caption = "Jobs";
  shell.add(side, "left", { rank: 450 });
  const follow = () => line.follow(notebooks.currentWidget);
  notebooks.currentChanged.connect(follow);
  follow();

  app.commands.addCommand("jobwidgets:show", {
    label: "Show the Jobs of This Notebook's Service",
    execute: () => shell.activateById(side.id),
  });
  app.commands.addCommand("jobwidgets:demo", {
    label: (args) => (args.isPalette ? "New Notebook with the aiWARE Jobs Demo" : "aiWARE jobs demo"),
    caption: "A new notebook with a panel on invented jobs; needs no account",
    icon: (args) => (args.isPalette ? undefined : icon),
    execute: ({ cwd }) => openDemo(app, notebook.NotebookActions, cwd),
  });
  launcher?.add({ command: "jobwidgets:demo", category: "Other", rank: 100 });
  palette?.addItem({ command: "jobwidgets:show", category: "Jobs" });
  palette?.addItem({ command: "jobwidgets:demo", category: "Jobs", args: { isPalette: true } });
}

function addStyle(here) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("side.css", here);
  document.head.append(link);
}
