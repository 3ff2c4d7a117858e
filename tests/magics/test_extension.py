"""Loading and unloading: light, and without a trace."""

import subprocess
import sys
import threading

import pandas as pd
import pytest

HEAVY = (
    "pandas",
    "numpy",
    "pyarrow",
    "gql",
    "graphql",
    "httpx",
    "aiohttp",
    "ipywidgets",
    "anywidget",
    "msgspec",
    "tqdm",
)


LOADED = (
    "import sys\n"
    "from IPython.core.interactiveshell import InteractiveShell\n"
    "ip = InteractiveShell.instance()\n"
    "ip.history_manager.enabled = False\n"
    "before = set(sys.modules)\n"
    "ip.run_line_magic('load_ext', 'jobwidgets')\n"
)
"""In a shell where the extension was loaded; `before` are the modules that were there already."""


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


def test_loading_into_a_real_shell_imports_nothing_heavy():
    done = run(
        LOADED + "assert 'job' in ip.magics_manager.magics['line']\n"
        "assert ip.run_cell('1 + 1').success\n"
        "new = set(sys.modules) - before\n"
        f"print([name for name in {HEAVY} if name in new], sorted(name for name in new if 'jobwidgets' in name))\n"
    )
    assert done.returncode == 0, done.stderr
    heavy, _, ours = done.stdout.splitlines()[-1].partition("] ")
    assert heavy == "["
    assert "client" not in ours
    assert "emulator" not in ours


def test_loading_imports_a_handful_of_small_files_of_ours_and_nothing_else():
    done = run(
        LOADED + "new = set(sys.modules) - before\n"
        "print(*sorted(name for name in new if not name.startswith('IPython.')))\n"
    )
    assert done.returncode == 0, done.stderr
    ours = ["", ".lab", ".lab.sidebar", ".magics", ".magics.extension", ".magics.verbs"]
    assert done.stdout.split() == [f"jobwidgets{name}" for name in ours]


def test_the_first_list_imports_only_what_a_list_needs():
    unneeded = ("anywidget", "dask", "duckdb", "gql", "ipywidgets", "keyring", "matplotlib", "psutil", "tqdm", "yaml")
    done = run(
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "ip = InteractiveShell.instance()\n"
        "ip.history_manager.enabled = False\n"
        "for line in ('%load_ext jobwidgets', '%job demo', '%job list'):\n"
        "    assert ip.run_cell(line).success\n"
        f"print([name for name in {unneeded} if name in sys.modules])\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_and_verb_completion_need_nothing_heavy_either():
    done = run(
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "ip = InteractiveShell.instance()\n"
        "ip.history_manager.enabled = False\n"
        "ip.run_line_magic('load_ext', 'jobwidgets')\n"
        "ip.run_cell('%job')\n"
        "ip.run_cell('%job help cancel')\n"
        "from IPython.core.completer import provisionalcompleter\n"
        "with provisionalcompleter():\n"
        "    print([found.text for found in ip.Completer.completions('%job li', 7)])\n"
        f"print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["['list']", "[]"]


def state(ip):
    formatters = ip.display_formatter.formatters
    return (
        list(ip.Completer.custom_matchers),
        list(ip.input_transformers_cleanup),
        {kind: sorted(table) for kind, table in ip.magics_manager.magics.items()},
        {mime: (dict(each.type_printers), dict(each.deferred_printers)) for mime, each in formatters.items()},
        {name: len(found) for name, found in ip.events.callbacks.items()},
        threading.active_count(),
    )


def test_a_hundred_loads_and_unloads_leave_nothing(ip, samples):
    before = state(ip)
    for _ in range(100):
        ip.run_line_magic("load_ext", "jobwidgets")
        ip.display_formatter.format(samples.jobs())
        ip.run_line_magic("reload_ext", "jobwidgets")
        ip.run_line_magic("unload_ext", "jobwidgets")
    assert state(ip) == before


def test_loading_twice_is_loading_once(ip):
    import jobwidgets

    jobwidgets.load_ipython_extension(ip)
    once = state(ip)
    jobwidgets.load_ipython_extension(ip)
    assert state(ip) == once
    jobwidgets.unload_ipython_extension(ip)
    jobwidgets.unload_ipython_extension(ip)


def test_unloading_leaves_alone_what_others_have_put_in_its_place(cells, ip):
    def job(line):
        return line

    ip.register_magic_function(job, "line", "job")
    formatter = ip.display_formatter.formatters["text/html"]
    formatter.for_type(pd.DataFrame, lambda _frame: "theirs")
    ip.run_line_magic("unload_ext", "jobwidgets")
    assert cells("%job x") == "x"
    assert formatter(pd.DataFrame()) == "theirs"
    formatter.pop(pd.DataFrame)


@pytest.mark.usefixtures("cells")
def test_job_frames_are_shown_our_way_and_others_as_pandas_does(ip, samples):
    plain = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    ip.run_line_magic("unload_ext", "jobwidgets")
    without = ip.display_formatter.format(plain)[0], ip.display_formatter.format([plain])[0]
    ip.run_line_magic("load_ext", "jobwidgets")
    assert (ip.display_formatter.format(plain)[0], ip.display_formatter.format([plain])[0]) == without
    shown = ip.display_formatter.format(samples.jobs())[0]
    assert "7 jobs" in shown["text/html"]
    assert shown["text/plain"].startswith("7 jobs")


@pytest.mark.usefixtures("cells")
def test_a_frame_that_is_no_longer_one_of_jobs_is_shown_as_pandas_does(ip, samples):
    frame = samples.jobs()
    for changed in (frame[["id", "status"]], frame.describe(include="all"), frame.set_index("id"), frame.T):
        assert ip.display_formatter.format(changed)[0]["text/html"] == changed._repr_html_()
    kept = frame[frame["can_cancel"].fillna(value=False)].assign(note="mine").sort_values("created")
    assert "3 jobs" in ip.display_formatter.format(kept)[0]["text/html"]


def test_the_formatter_that_was_there_before_still_shows_other_frames(ip, samples):
    formatter = ip.display_formatter.formatters["text/html"]

    def theirs(_frame):
        return "theirs"

    formatter.for_type(pd.DataFrame, theirs)
    ip.run_line_magic("load_ext", "jobwidgets")
    assert formatter(pd.DataFrame({"a": [1]})) == "theirs"
    assert "7 jobs" in formatter(samples.jobs())
    ip.run_line_magic("unload_ext", "jobwidgets")
    assert formatter.for_type(pd.DataFrame) is theirs
    formatter.pop(pd.DataFrame)


@pytest.mark.usefixtures("cells")
def test_pandas_own_switch_for_html_is_kept_to(ip, samples):
    with pd.option_context("display.notebook_repr_html", False):
        assert "text/html" not in ip.display_formatter.format(samples.jobs())[0]


@pytest.mark.usefixtures("cells")
def test_a_subclass_with_its_own_look_keeps_it(ip):
    class Mine(pd.DataFrame):
        def _repr_html_(self):
            return "mine"

    assert ip.display_formatter.format(Mine({"a": [1]}))[0]["text/html"] == "mine"


@pytest.mark.parametrize(
    "line",
    [
        "%job cancel?",
        "%job cancel??",
        "%job cancel $df?",
        "?%job cancel",
        "?? %job cancel",
        "%%job cancel?",
        "  %job cancel?",
    ],
)
def test_a_question_mark_shows_the_help_of_the_verb(cells, line):
    cells(line)
    assert cells.printed.startswith("usage: %job cancel ")


def test_a_question_mark_after_a_wrong_verb_names_the_nearest(cells):
    assert "did you mean cancel" in cells.error("%job cancle?")


def test_a_question_mark_inside_a_text_or_a_body_is_left_alone(cells):
    assert cells('x = """\n%job cancel?\n"""\nx') == "\n%job cancel?\n"
    assert cells("y = 'a' # %job cancel?\ny") == "a"
    cells("if True:\n    %job help cancel\n    z = 1\n")
    assert cells("z") == 1


@pytest.mark.usefixtures("cells")
def test_the_magic_itself_can_be_inspected(ip):
    assert "work with aiWARE jobs" in ip.object_inspect("%job")["docstring"]
    found = ip.object_inspect_mime("%job")
    assert "%job cancel?" in found["text/plain"]
