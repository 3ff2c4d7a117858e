# ruff: noqa: T201 - it prints what was measured
"""The table beside others, in JupyterLab in Chromium: `python -m tests.bench.bench_panel`. Compare within one run only.

Each round opens a fresh notebook for each table and size, one after the other, so that all see the same machine. The
frame, and the one with a hundred changed rows, are in the kernel before the clock starts. All tables are tall enough to
show a hundred rows. What is timed ends when the row can be seen: two frames of the browser after it is in the page.
Each notebook has shown a small frame as pandas shows it before, as nearly every notebook has: JupyterLab loads what it
needs for HTML then. What goes to the browser is counted twice: the messages, some of which bring scripts, and these
together with the scripts of the table's extension, which JupyterLab asks for when it starts.
"""

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Error as PageError

from tests.bench.goals import Goal, report
from tests.support.job_frames import jobs
from tests.support.jupyter import JupyterServer, chromium, new_context, notebook_page, write_notebook

COLUMNS = ["name", "id", "status", "created", "engines", "tasks", "tasks_done"]
READ = """import pandas as pd
df = pd.read_pickle({path!r})
other = df.copy()
other.loc[:99, "name"] = [f"Changed {{k}}" for k in range(100)]
"""
# What each table shows of its row k: "" when nothing, something else when it is another.
TEXT = """k => document.querySelectorAll(%r)[k]?.textContent.trim() ?? ''"""
PIXELS = """k => {
    const grid = document.querySelector('.jp-OutputArea canvas');
    if (!grid || grid.width < 400 || grid.height < 22 * k) return '';
    const band = grid.getContext('2d').getImageData(64, 22 + 20 * k, 400, 16).data;
    let ink = 0, sum = 0;
    for (let i = 0; i < band.length; i += 4)
        if (band[i + 3] && band[i] + band[i + 1] + band[i + 2] < 380) { ink += 1; sum = (sum * 31 + i) % 1e9; }
    return ink > 20 ? String(sum) : '';
}"""
WATCH = """
const Plain = window.WebSocket;
window.heard = 0;
window.WebSocket = class extends Plain {
    constructor(...how) {
        super(...how);
        this.addEventListener('message', ({ data }) => {
            window.heard += data.byteLength ?? data.size ?? data.length;
        });
    }
};
performance.setResourceTimingBufferSize(5_000);
window.scripts = (extension) => performance.getEntriesByType('resource')
    .filter(({ name }) => name.includes(`/extensions/${extension}/`))
    .reduce((sum, each) => sum + each.encodedBodySize, 0); // also of what the browser had kept
window.measured = (row, at, act) => new Promise((resolve, reject) => {
    const before = row(at), heard = window.heard, began = performance.now();
    const painted = () => requestAnimationFrame(() => requestAnimationFrame(
        () => resolve([performance.now() - began, () => window.heard - heard])));
    const look = () => {
        const now = row(at);
        if (now && now !== before) painted();
        else if (performance.now() - began > 60_000) reject(new Error('nothing came'));
        else requestAnimationFrame(look);
    };
    act();
    look();
}).then(([time, bytes]) => new Promise((resolve) => setTimeout(() => resolve([time, bytes()]), 400)));
"""
RUN_CELL = "() => { window.jupyterapp.commands.execute('notebook:run-cell-and-select-next'); }"
PLAIN = "import pandas\npandas.DataFrame({'a': [1]})"
CLICK = """() => {
    const heading = [...document.querySelectorAll(%r)].find(each => /^name/i.test(each.textContent.trim()));
    (heading.querySelector('button, .dt-column-order') ?? heading).click();
}"""
RUN_CODE = """() => {
    window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code: %s });
}"""


@dataclass(frozen=True, slots=True)
class Table:
    """One way to show a frame.

    Attributes
    ----------
    row : str
        A function of the page that tells what row k shows.
    ready, show, update : str
        Code for the kernel: before the clock starts, to show the frame, to change a hundred rows.
    sort : str
        A function of the page that sorts by name.
    extension : str
        The extension of JupyterLab that draws it.
    """

    row: str
    ready: str
    show: str
    update: str
    sort: str
    extension: str = "anywidget"


TABLES = {
    "jobwidgets": Table(
        TEXT % ".jw-table .jw-rows tr",
        f"from jobwidgets import JobTable\ndf, other = df[{COLUMNS}], other[{COLUMNS}]",
        "table = JobTable(df, height=2_900)\ntable",
        "table.df = other",
        CLICK % ".jw-table thead th",
    ),
    "itables": Table(
        TEXT % "table.dataTable tbody tr",
        "from itables.widget import ITable",
        "table = ITable(df, maxBytes=0, pageLength=100, lengthMenu=[100, 200])\ntable",
        "table.df = other",
        CLICK % "table.dataTable thead th",
    ),
    "ipydatagrid": Table(
        PIXELS,
        "from ipydatagrid import DataGrid",
        "table = DataGrid(df, layout={'height': '2060px'})\ntable",
        "table.data = other",
        RUN_CODE % json.dumps("table.transform([{'type': 'sort', 'column': 'name', 'desc': False}])"),
        "ipydatagrid",
    ),
    "ipydatagrid, streaming": Table(
        PIXELS,
        "from ipydatagrid import StreamingDataGrid\nnaive = df['created'].dt.tz_localize(None)\n"
        "df = df.assign(created=naive, status=df['status'].astype(str), name=df['name'].astype(object),"
        " id=df['id'].astype(object), engines=df['engines'].astype(object))",
        "table = StreamingDataGrid(df, layout={'height': '2060px'})\ntable",
        "df.loc[:99, 'name'] = other['name'][:100]; table._data_object['data'] = df; table.tick()",
        RUN_CODE % json.dumps("table.transform([{'type': 'sort', 'column': 'name', 'desc': False}])"),
        "ipydatagrid",
    ),
}
MEASURES = {
    "first row, ms": "{:,.0f}", "first row, KB": "{:,.0f}", "with scripts, KB": "{:,.0f}",
    "100 rows, ms": "{:,.0f}", "100 rows, KB": "{:,.1f}",
    "sort, ms": "{:,.0f}", "heap, MB": "{:,.1f}",
}  # fmt: skip
GOALS = (
    ("first row at the largest size <= 1.5 x that at a thousand", "first row, ms", 1.5),
    ("less than 150 KB to the browser", "first row, KB", 150),
    ("an update of 100 rows in sight in less than 100 ms", "100 rows, ms", 100),
    ("an update of 100 rows in sight in less than 10 KB", "100 rows, KB", 10),
)


def heap(session):
    """Give the browser's heap in MB, once what is not needed is gone."""
    session.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return metrics["JSHeapUsedSize"] / 1e6


def measure(notebook, table, path):
    """Show one table in one notebook; give what was measured."""
    page = notebook.page
    notebook.run(READ.format(path=str(path)) + f"df, other = df[{COLUMNS}], other[{COLUMNS}]\n" + table.ready)
    page.evaluate(RUN_CELL)
    page.locator(".jp-RenderedHTMLCommon table").first.wait_for()
    notebook.wait_idle()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = heap(session)

    def timed(at, act):
        try:
            return page.evaluate(f"() => window.measured({table.row}, {at}, {act})")
        except PageError as error:
            if "nothing came" not in str(error):
                raise
            return math.inf, math.nan

    first, sent = timed(0, RUN_CELL)
    notebook.wait_idle()
    page.wait_for_function(f"() => ({table.row})(99) !== ''")
    held = heap(session) - before
    update, update_sent = timed(99, RUN_CODE % json.dumps(table.update))
    notebook.wait_idle()
    sort, _ = timed(0, table.sort)
    whole = sent + page.evaluate(f"() => window.scripts({table.extension!r})")
    found = (first, sent / 1e3, whole / 1e3, update, update_sent / 1e3, sort, held)
    return dict(zip(MEASURES, found, strict=True))


def rounds(count, sizes):
    """Measure all, round after round; give the medians by table and size."""
    found = defaultdict(list)
    with tempfile.TemporaryDirectory() as home, JupyterServer(root=Path(home)) as server, chromium() as browser:
        frames = {}
        for size in {size for many in sizes.values() for size in many}:
            frames[size] = Path(home) / f"jobs-{size}.pickle"
            jobs(size).to_pickle(frames[size])
        context = new_context(browser, width=1600, height=3_300)
        context.add_init_script(WATCH)
        warm(context, server, frames)
        for number in range(count):
            for name, table in TABLES.items():
                for size in sizes[name]:
                    path = write_notebook(server.root, f"{number}-{len(found)}-{size}.ipynb", PLAIN, table.show)
                    with notebook_page(context, server, path, "lab") as notebook:
                        notebook.page.set_default_timeout(180_000)
                        found[name, size].append(measure(notebook, table, frames[size]))
                    print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return {
        key: {what: statistics.median(each[what] for each in all_of) for what in MEASURES}
        for key, all_of in found.items()
    }


def warm(context, server, frames):
    """Have the browser compile and cache what every page needs."""
    path = write_notebook(server.root, "warm.ipynb", PLAIN, TABLES["jobwidgets"].show)
    with notebook_page(context, server, path, "lab") as notebook:
        measure(notebook, TABLES["jobwidgets"], frames[1_000])


def show(medians):
    """Print the medians, how many times ours they are, and the goals."""
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    print(f"medians; {load}; in brackets: times ours at that size")
    print(f"{'':<24}{'rows':>10}" + "".join(f"{what:>22}" for what in MEASURES))
    for (name, size), values in medians.items():
        ours = medians["jobwidgets", size]
        cells = []
        for what, form in MEASURES.items():
            ratio = "" if name == "jobwidgets" else f" ({values[what] / max(ours[what], 1e-3):.1f})"
            cells.append(f"{form.format(values[what]) + ratio:>22}")
        print(f"{name:<24}{size:>10,}" + "".join(cells))


def goals(medians):
    """Give each goal with what was reached and what is wanted."""
    ours = {size: values for (name, size), values in medians.items() if name == "jobwidgets"}
    ratio = ours[max(ours)]["first row, ms"] / ours[1_000]["first row, ms"]
    for said, what, bound in GOALS:
        yield said, ratio if bound == 1.5 else max(values[what] for values in ours.values()), bound
    for (name, size), values in medians.items():
        if name != "jobwidgets":
            for what in sorted(MEASURES.keys() - {"first row, KB"}, key=list(MEASURES).index):
                yield f"{what} against {name}, {size:,} rows (ours in theirs)", ours[size][what] / values[what], 1.0


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, up to a hundred thousand rows")
    parser.add_argument("--json", type=Path, help="also write the medians there")
    options = parser.parse_args()
    sizes = {name: [1_000, 100_000] for name in TABLES}
    if not options.quick:
        sizes["jobwidgets"].append(1_000_000)
    medians = rounds(1 if options.quick else options.rounds, sizes)
    show(medians)
    told = [{"table": name, "rows": size, **values} for (name, size), values in medians.items()]
    report("panel", [Goal(*goal) for goal in goals(medians)], options.json, medians=told)


if __name__ == "__main__":
    main()
