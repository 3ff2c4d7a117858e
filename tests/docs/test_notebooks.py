"""The committed notebooks, run by a real kernel against a living service."""

import collections
import json
import os
import re
from datetime import UTC, datetime

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jobwidgets.emulator import Service, serve
from tests.support import ROOT
from tests.support.forks import DASK_WORKER_START

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
SPEED = 30  # as in `jobwidgets demo`
READ = """import gc
panel = next(each for each in gc.get_objects() if type(each).__name__ == "JobPanel")
panel._work.settle()
panel._hand.run()
panel.close()"""  # when it has read its list; the picture shows the last state
START = datetime(2026, 3, 4, 12, tzinfo=UTC)  # the same jobs on any day
pytestmark = pytest.mark.notebooks


class Run:
    """One notebook in one kernel that joins a service; each round is a "Run All"."""

    def __init__(self, name, service, running):
        self.book = nbformat.read(FOLDER / name, as_version=4)
        self.service = service
        address = {"graphql": running.graphql_url, "rest": running.rest_url, "token": service.token}
        dask = {"DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": DASK_WORKER_START}
        self.env = {**os.environ, **dask, "JOBWIDGETS_DEMO": json.dumps(address)}
        self.rounds = []
        self.ledgers = []

    def all_cells(self, *, rounds):
        resources = {"metadata": {"path": FOLDER}}
        client = NotebookClient(self.book, timeout=120, kernel_name="python3", resources=resources)
        with client.setup_kernel(env=self.env):
            for _ in range(rounds):
                for index, cell in enumerate(self.book.cells):
                    try:
                        client.execute_cell(cell, index)
                    except CellExecutionError as error:
                        shown = [each.outputs for each in self.book.cells[:index] if each.cell_type == "code"]
                        error.add_note(f"what the cells before it showed: {json.dumps(shown)[-3_000:]}")
                        raise
                self.rounds.append({cell.id: cell.outputs for cell in self.book.cells if cell.cell_type == "code"})
                self.ledgers.append(collections.Counter((write.operation, write.via) for write in self.service.ledger))
        return self

    def text(self, cell, *, turn=0):
        """What a cell printed and showed as text; one print may come in several pieces."""
        shown = [
            output["text"] if "text" in output else output.get("data", {}).get("text/plain", "") + "\n"
            for output in self.rounds[turn][cell]
        ]
        # where reading takes longer than a moment, a progress bar is shown as well
        return "".join(text for text in shown if not text.startswith("Reading: ")).rstrip("\n")

    def mimes(self, cell):
        return {mime for output in self.rounds[0][cell] for mime in output.get("data", {})}


@pytest.fixture(scope="module")
def world():
    """One service for the notebooks of this file, which meet each other's jobs as they do in the demo."""
    service = Service(jobs=2_000, seed=0, speed=SPEED, start=START)
    with serve(service) as running:
        yield service, running


@pytest.fixture(scope="module")
def tour(world):
    return Run("01_tour.ipynb", *world).all_cells(rounds=2)


@pytest.fixture(scope="module")
def ranges(world, tour):
    before = tour.ledgers[-1]
    run = Run("02_scheduled_and_ranges.ipynb", *world).all_cells(rounds=2)
    run.ledgers = [ledger - before for ledger in run.ledgers]
    return run


@pytest.fixture(scope="module")
def safely(world):
    return Run("03_bulk_safely.ipynb", *world).all_cells(rounds=2)


@pytest.fixture(scope="module")
def wrong(world):
    return Run("04_when_things_go_wrong.ipynb", *world).all_cells(rounds=2)


@pytest.fixture(scope="module")
def month(world):
    return Run("05_a_month_of_jobs.ipynb", *world).all_cells(rounds=2)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_committed_as_it_was_written(name):
    book = json.loads((FOLDER / name).read_text())
    assert book["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in book["metadata"]
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
    nbformat.validate(nbformat.from_dict(book))


def test_the_dashboard_is_the_panel_and_its_picture_and_acts_on_nothing(world):
    run = Run("dashboard.ipynb", *world)
    run.book.cells.append(nbformat.v4.new_code_cell(READ, id="read"))
    before = len(run.service.ledger)
    run.all_cells(rounds=1)
    live, picture = run.rounds[0]["panel"]
    assert "application/vnd.jupyter.widget-view+json" in live["data"]
    assert " jobs as of " in picture["data"]["text/html"]
    assert len(run.service.ledger) == before


def test_the_tour_says_how_many_can_be_cancelled_and_why_the_others_cannot(tour):
    can, of = map(int, re.match(r"(\d+) of (\d+) jobs can be cancelled", tour.text("why")).groups())
    reasons = dict(re.findall(r"^(complete|failed|aborted|task_started) +(\d+)$", tour.text("why"), re.MULTILINE))
    assert len(reasons) == 4
    assert can + sum(map(int, reasons.values())) == of >= 2000


def test_the_tour_cancels_one_and_both_apis_say_so(tour):
    said, reads = tour.text("one").splitlines()
    assert said == "Job cancelled"
    assert re.fullmatch(r"Box \d+ \S Blatt \d+ is aborted and aborted", reads)
    assert "→ only jobs whose tasks are all pending or queued can be cancelled" in tour.text("refused")


def test_the_tour_retries_one_once(tour):
    assert tour.ledgers[0]["retryJob", "graphql"] == 1
    for turn in (0, 1):
        assert tour.text("retry", turn=turn).count("20") >= 2
    again = [write for write in tour.service.ledger if write.operation == "retryJob"]
    assert again[0].new_id in tour.text("retry")
    assert again[0].target_id in tour.text("retry")


def test_the_tour_cancels_a_hundred_and_sees_them_aborted(tour):
    assert tour.text("plan").startswith("Cancel 100 of 100 jobs")
    assert re.search(r"99 done \W+ 1 skipped", tour.text("apply"))
    assert re.search(r"^aborted +100$", tour.text("aborted"), re.MULTILINE)


def test_the_tour_shows_the_panel_and_a_plot(tour):
    assert "application/vnd.jupyter.widget-view+json" in tour.mimes("panel")
    assert tour.text("selected").startswith("12 jobs")
    assert "image/png" in tour.mimes("plot")


def test_running_the_tour_again_changes_nothing(tour):
    assert tour.ledgers[1] == tour.ledgers[0] == {("cancelJob", "graphql"): 100, ("retryJob", "graphql"): 1}
    assert tour.text("aborted", turn=1) == tour.text("aborted")


def test_switching_a_schedule_off_keeps_all_else(ranges):
    rows = {
        line.split()[0]: line.split()[1:] for line in ranges.text("off").splitlines() if line.startswith(("is", "run"))
    }
    assert rows == {
        "is_active": ["True", "False"],
        "is_public": ["True", "True"],
        "run_mode": ["Recurring", "Recurring"],
    }
    assert ranges.ledgers[0]["updateScheduledJob", "graphql"] == 1
    assert ranges.ledgers[0]["cancel_scheduled", "rest"] == 1


def test_a_range_is_listed_first_and_read_back_afterwards(ranges):
    listed = int(re.match(r"(\d+) jobs", ranges.text("range"))[1])
    assert listed > 5
    assert ranges.ledgers[0]["cancel_range", "rest"] == listed
    assert re.search(rf"^pending +aborted +done +{listed}$", ranges.text("range-cancel"), re.MULTILINE)


def test_both_apis_tell_the_same(ranges):
    assert ranges.text("both").count("aborted") == 10
    assert ranges.text("rest-cancel").endswith("('aborted', 'aborted')")
    assert ranges.ledgers[0]["cancel", "rest"] == 1


def test_a_query_of_ones_own_is_answered(ranges):
    assert "failureMessage" in ranges.text("gql")


def test_running_the_second_notebook_again_changes_nothing(ranges):
    assert ranges.ledgers[1] == ranges.ledgers[0]


def test_lost_answers_are_told_and_resolved_and_each_job_is_retried_once(safely):
    assert safely.text("plan").startswith("Retry 20 of 20 jobs")
    assert "jobwidgets: plan" in safely.text("paper")
    assert "Retried 0 of 18 jobs  ? 18 unknown" in safely.text("lossy")
    assert safely.text("resolve") == "{'done': 10, 'not_sent': 8}"
    assert safely.text("resume") == "{'done': 18}"
    for turn in (0, 1):
        assert re.search(r"^1 +18$", safely.text("ledger", turn=turn), re.MULTILINE)
        assert "Retry 0 of 18 jobs" in safely.text("again", turn=turn)


def test_a_busy_service_a_stop_and_waves_lose_nothing(safely):
    assert re.search(r"^done +confirmed +40$", safely.text("busy"), re.MULTILINE)
    stopped = re.search(r"^stopped (\{.*\})$", safely.text("stop"), re.MULTILINE)
    assert "not_sent" in stopped[1]
    assert set(json.loads(safely.text("go-on").replace("'", '"'))) == {"done"}
    assert "not_sent" not in safely.text("all-the-same")
    assert not re.search(r"\bopen\b|\bat work\b", safely.text("receipts", turn=1))


def test_a_range_is_planned_shown_and_reported(safely):
    count = int(re.match(r"Cancel (\d+) of \1 jobs", safely.text("range"))[1])
    assert safely.text("range-apply") == f"{{'done': {count}}}"


def test_a_killed_kernel_loses_and_doubles_nothing(wrong):
    killed, of = map(int, re.search(r"killed when (\d+) of (\d+) were retried", wrong.text("kill")).groups())
    assert 0 < killed < of
    assert re.search(r"\d+ unknown .* \d+ not sent", wrong.text("receipt"))
    assert wrong.text("resume") == f"{{'done': {of}}}"
    for turn in (0, 1):
        assert "none more often than 1 time" in wrong.text("ledger", turn=turn)


def test_an_outage_a_token_and_a_damaged_file_end_well(wrong):
    assert "8 answers in a row were lost" in wrong.text("away")
    assert set(json.loads(wrong.text("back").replace("'", '"'))) == {"done"}
    assert "AuthError" in wrong.text("token")
    assert "is damaged in line 1" in wrong.text("disk")
    assert not re.search(r"\bopen\b|\bdamaged\b", wrong.text("left"))


def test_a_month_is_plotted_from_the_frames_the_archive_and_a_cluster(month):
    plots = {cell for cell in month.rounds[0] if "image/png" in month.mimes(cell)}
    assert plots == {"days", "engines", "failures", "cost", "sql", "engines-there", "cluster"}
    found = re.match(r"([\d,]+) jobs with ([\d,]+) tasks", month.text("month"))
    jobs, tasks = (int(number.replace(",", "")) for number in found.groups())
    assert 2_900 < jobs <= 3_000
    assert 2.4 * jobs < tasks < 3.6 * jobs  # 2.7 to 3.3 over the days of a year
    assert re.search(r"\d+ partitions", month.text("dask"))


def test_a_month_tells_what_retries_cost_and_retries_nothing_twice(month):
    for turn in (0, 1):
        told = re.search(r"^(\d+) jobs were retried, (\d+) of them", month.text("cost", turn=turn), re.MULTILINE)
        count, well = map(int, told.groups())
        assert 0 < well <= count
        assert re.search(r"took \d+\.\d h of engine time, \d+\.\d% of the month's", month.text("cost", turn=turn))
    assert "none more often than 1 time" in month.text("judge", turn=1)


def test_an_archive_of_the_month_asks_little_the_second_time_and_keeps_what_moved(month):
    first, *later = month.text("archive").splitlines()
    assert int(re.match(r"([\d,]+) new", first)[1].replace(",", "")) > 2_900
    assert len(later) == 4
    assert max(int(re.search(r"in (\d+) requests", line)[1]) for line in later) < 10
    moves = re.findall(r"^(\w+) +(\w+) +(\d+)$", month.text("history"), re.MULTILINE)
    assert sum(int(jobs) for _, after, jobs in moves if after == "complete") >= 3, moves  # of the five new ones


def test_a_month_runs_to_its_end_without_the_extras_and_says_what_to_install(world, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules.update(dict.fromkeys(['dask', 'duckdb']))\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    plain = Run("05_a_month_of_jobs.ipynb", *world).all_cells(rounds=1)
    assert "pip install 'jobwidgets[archive]'" in plain.text("archive")
    assert "pip install 'jobwidgets[distributed]'" in plain.text("dask")
    assert "image/png" in plain.mimes("cost")
    assert "image/png" not in plain.mimes("cluster") | plain.mimes("sql")


def test_no_output_holds_the_token_or_an_error(tour, ranges, safely, wrong, month):
    for run in (tour, ranges, safely, wrong, month):
        for outputs in run.rounds:
            text = json.dumps(outputs)
            assert run.service.token not in text
            assert not [
                o for cell in outputs.values() for o in cell if o.get("name") == "stderr" and "Error" in o["text"]
            ]


def test_the_tour_runs_also_when_nothing_waits_any_more():
    """Someone comes back to it after lunch: the engine is up again and the boxes are done."""
    service = Service(jobs=2_000, seed=0, speed=SPEED, start=START)
    service.clock.advance("20h")
    with serve(service) as running:
        late = Run("01_tour.ipynb", service, running).all_cells(rounds=1)
    assert late.ledgers[0] == {("retryJob", "graphql"): 1}


def test_the_tour_needs_nothing_but_its_own_kernel():
    """As on Binder: no service is running, so `jw.demo()` starts one in the kernel."""
    book = nbformat.read(FOLDER / "01_tour.ipynb", as_version=4)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JOBWIDGETS_", "AIWARE_"))}
    NotebookClient(book, timeout=120, kernel_name="python3").execute(env=env)
    (aborted,) = [cell for cell in book.cells if cell.id == "aborted"]
    assert re.search(r"^aborted +100$", aborted.outputs[0].data["text/plain"], re.MULTILINE)
