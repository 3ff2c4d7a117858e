"""What a side panel hears from a real kernel, over the real protocol, and what nobody can make it do."""

import json
import os
import time
import uuid
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel
from jupyter_core.utils import ensure_event_loop

import jobwidgets
from jobwidgets.emulator import Service, serve
from tests.support.waiting import until_quiet

pytestmark = pytest.mark.kernel
PATIENCE = 60
QUICK = """
from jobwidgets.lab import sidebar
from jobwidgets.live import poll_interval
sidebar.EVERY, sidebar.UNSEEN, poll_interval.SOONEST, poll_interval.SLOWEST = 0.1, 3600, 0.1, 0.2
"""
SLOW = "sidebar.EVERY, sidebar.UNSEEN, poll_interval.SOONEST, poll_interval.SLOWEST = 10.0, 60.0, 2.0, 60.0"
FORGED = [
    None,
    7,
    "watch",
    [],
    ["watch"],
    {},
    {"do": None},
    {"do": ["watch"]},
    {"do": "Watch"},
    {"do": "close"},
    {"do": "__init__"},
    {"do": "_drop"},
    {"do": "open", "code": "import os; os.abort()"},
    {"do": "cancel", "ids": ["1"]},
    {"do": "x" * 100_000},
]


class Page:
    """One kernel, as the page of a side panel sees it."""

    def __init__(self, env):
        self.manager, self.client = start_new_kernel(kernel_name="python3", env=env)
        self.heard = []

    def take(self, done):
        """Hear messages until one is as wanted; give that one."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            self.heard.append(message)
            if done(message):
                return message
        raise AssertionError("it never came to that")

    def send(self, kind, content):
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def run(self, code):
        """Run a cell; give what it printed."""
        asked = self.client.execute(code, allow_stdin=False)
        before = len(self.heard)

        def idle(message):
            mine = message["parent_header"].get("msg_id") == asked
            return mine and message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"

        self.take(idle)
        mine = [each for each in self.heard[before:] if each["parent_header"].get("msg_id") == asked]
        assert not [each["content"]["traceback"] for each in mine if each["msg_type"] == "error"]
        return "".join(each["content"]["text"] for each in mine if each["msg_type"] == "stream")

    def open(self):
        return Line(self)

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.manager.context.destroy()


class Line:
    """The page's end of the line."""

    def __init__(self, page):
        self.page, self.id = page, uuid.uuid4().hex
        page.send("comm_open", {"comm_id": self.id, "target_name": "jobwidgets.side", "data": {}})

    def say(self, data):
        self.page.send("comm_msg", {"comm_id": self.id, "data": data})

    def told(self, wanted=lambda state: "counts" in state):
        """Wait until the panel is told what is wanted."""

        def mine(message):
            content = message["content"]
            if message["msg_type"] != "comm_msg" or content["comm_id"] != self.id:
                return False
            return bool(wanted(content["data"]))

        return self.page.take(mine)["content"]["data"]

    @property
    def closed(self):
        """Whether the kernel has hung up."""
        kinds = {each["msg_type"] for each in self.page.heard if each["content"].get("comm_id") == self.id}
        return "comm_close" in kinds

    def close(self):
        self.page.send("comm_close", {"comm_id": self.id, "data": {}})


@pytest.fixture(scope="module")
def world(small_world):
    return small_world()


@pytest.fixture(scope="module")
def page(world, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with serve(world) as running:
        page = Page(
            {
                **{name: value for name, value in os.environ.items() if not name.startswith(("AIWARE", "JOBWIDGETS"))},
                "AIWARE_URL": running.graphql_url,
                "AIWARE_REST_URL": running.rest_url,
                "AIWARE_TOKEN": world.token,
                "IPYTHONDIR": str(home),
                "PYTHONPATH": str(Path(jobwidgets.__file__).parents[1]),
                "JOBWIDGETS_PROFILES": str(home / "profiles.toml"),
                "JOBWIDGETS_STATE": str(home / "state"),
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            }
        )
        yield page
        page.end()
    ensure_event_loop().close()  # jupyter_client's blocking calls leave it on this thread


@pytest.fixture
def line(page, world):
    """A side panel on a kernel that is connected, and nothing left of it for the next test."""
    world.faults.clear()
    page.run("import jobwidgets as jw\nclient = jw.connect()")
    page.heard.clear()
    line = page.open()
    yield line
    line.close()
    page.run("client.close()")


def test_it_is_told_the_service_the_counts_and_the_line_that_opens_the_panel(line, page):
    told = line.told()
    jobs = int(page.run("print(len(client.jobs()))"))
    assert told["service"] == page.run("print(client.label)").strip()
    assert told["environment"] == ""
    assert told["total"] == f"{jobs} jobs"
    assert sum(int(row["count"]) for row in told["counts"]) == jobs
    assert max(row["share"] for row in told["counts"]) == 1
    assert told["code"] == "jw.JobPanel(client)"
    assert told["receipts"] == []
    assert told["error"] == ""


def test_it_names_things_as_the_user_does(line, page):
    page.run("del client, jw\nimport jobwidgets as work\nmine = work.connect()")
    line.say({"do": "watch"})
    assert line.told(lambda state: "mine" in state["code"])["code"] == "work.JobPanel(mine)"
    page.run("boxed = [mine]\ndel mine")
    line.say({"do": "watch"})
    assert line.told(lambda state: "mine" not in state["code"])["code"] == "work.JobPanel(work.current_client())"
    page.run("del work")
    line.say({"do": "watch"})
    code = line.told(lambda state: "work" not in state["code"])["code"]
    assert code == "import jobwidgets as jw\n\njw.JobPanel(jw.current_client())"
    page.run(f"{code}.close()")
    page.run("client = boxed.pop()")


def test_it_is_told_the_last_receipts_harmless_and_the_unfinished_marked(line, page, world):
    jobs = [world.add_job("pending", 1) for _ in range(7)]
    world.faults.lose_answer(times=1, operation="cancelJob")
    page.run(f"client.plan_cancel({jobs[:1]}, reason='<i>\u202estuck').apply(progress=False)")
    for job in jobs[1:6]:
        page.run(f"client.plan_cancel([{job!r}]).apply(progress=False)")
    line.say({"do": "refresh"})
    told = line.told(lambda state: len(state.get("receipts", ())) == 5)
    assert [row["said"] for row in told["receipts"]] == ["1 done"] * 5
    page.run(f"client.plan_cancel({jobs[6:]}, reason='<i>\u202estuck').apply(progress=False)")
    world.faults.lose_answer(times=1, operation="cancelJob")
    last = world.add_job("pending", 1)
    page.run(f"client.plan_cancel([{last!r}], reason='lost').apply(progress=False)")
    line.say({"do": "refresh"})
    told = line.told(lambda state: "counts" in state and state["receipts"][0]["why"] == "lost")
    assert (told["receipts"][0]["said"], told["receipts"][0]["state"]) == ("1 unknown", "unfinished")
    assert (told["receipts"][1]["why"], told["receipts"][1]["state"]) == ("<i>\\u202estuck", "")
    assert told["receipts"][1]["verb"] == "Cancel"


def test_forged_messages_change_nothing_and_the_panel_goes_on(line, page, world):
    total, names = line.told()["total"], "print([name for name in dir() if name[0] != '_'])"
    before, asked = len(world.ledger), page.run(names)
    for data in FORGED:
        line.say(data)
        line.told(lambda state: "does not know" in state["error"])
    line.say({"do": "refresh", "limit": 10**9, "client": "other", "names": {"a": 1}})
    assert line.told(lambda state: "counts" in state and not state["error"])["total"] == total
    line.say({"do": "refresh"})
    assert line.told(lambda state: "counts" in state and not state["error"])["code"] == "jw.JobPanel(client)"
    assert len(world.ledger) == before
    assert page.run(names) == asked


def test_no_token_is_ever_told(line, page, world):
    line.told()
    world.faults.expire_token(times=None)
    line.say({"do": "refresh"})
    assert "AuthError" in line.told(lambda state: state.get("error"))["error"]
    world.faults.clear()
    for data in FORGED:
        line.say(data)
    line.say({"do": "refresh"})
    line.told(lambda state: "counts" in state and not state["error"])
    assert world.token not in json.dumps(page.heard, default=str)


def test_a_service_that_is_away_leaves_what_was_read_and_says_so(line, world):
    seen = line.told()
    world.faults.server_error(times=None)
    line.say({"do": "refresh"})
    told = line.told(lambda state: state["error"])
    assert "ServiceError" in told["error"]
    assert told["counts"] == seen["counts"]


def test_the_kernel_runs_cells_while_the_service_lets_the_panel_wait(line, page, world):
    line.told()
    world.faults.delay(seconds=8, times=None)
    line.say({"do": "refresh"})
    line.told(lambda state: "counts" in state)  # what was known; the answer is still to come
    reading = "from jobwidgets.lab import sidebar\n"
    reading += "print(6 * 7, [s._following.feed.reading for s in sidebar._sides])"
    printed = page.run(reading)
    deadline = time.monotonic() + 4
    while printed == "42 [False]\n" and time.monotonic() < deadline:  # it is told just before the reading begins
        printed = page.run(reading)
    assert printed == "42 [True]\n"


def test_a_closed_client_and_one_that_nobody_holds_are_not_connected(line, page):
    line.told()
    page.run("client.close()")
    line.say({"do": "watch"})
    assert line.told(lambda state: "service" not in state) == {"error": ""}
    page.run("import gc\nclient = jw.connect()")
    line.say({"do": "watch"})
    line.told()
    assert page.run("del client\nprint(gc.collect() >= 0, jw.current_client())").strip() == "True None"
    line.say({"do": "watch"})
    line.told(lambda state: "service" not in state)
    page.run("client = jw.connect()")


def test_the_client_that_was_connected_last_is_shown(line, page):
    line.told()
    with serve(Service(jobs=5, seed=2, speed=0)) as other:
        page.run(f"second = jw.connect({other.graphql_url!r}, token={other.service.token!r})")
        line.say({"do": "watch"})
        told = line.told(lambda state: state.get("counts") and "second" in state["code"])
        assert told["total"] == "5 jobs"
        page.run("second.close()")
        line.say({"do": "watch"})
        assert line.told(lambda state: "second" not in state["code"])["service"] != told["service"]


def test_nothing_is_asked_while_nobody_looks(line, page, world):
    line.told()
    page.run(QUICK)
    line.say({"do": "refresh"})
    at = sum(world.requests.values())
    line.told()
    line.told()
    line.told()
    assert sum(world.requests.values()) > at
    line.say({"do": "rest"})
    until_quiet(world.requests.total, seconds=1)
    page.run("sidebar.UNSEEN = 0.3")
    line.say({"do": "watch"})  # and then the page is gone, as a browser goes that was closed
    line.told()
    until_quiet(world.requests.total, seconds=1)
    page.run(SLOW)


def test_unloading_the_extension_hangs_up_and_loading_it_listens_again(line, page):
    line.told()
    page.run("%load_ext jobwidgets")
    assert not line.closed
    page.run("%unload_ext jobwidgets")
    assert line.closed
    there = "print('jobwidgets.side' in get_ipython().kernel.comm_manager.targets, len(sidebar._sides))"
    assert page.run(f"from jobwidgets.lab import sidebar\n{there}") == "False 0\n"
    page.run("%load_ext jobwidgets")
    assert page.run(there) == "True 0\n"
    again = page.open()
    assert again.told()["code"] == "jw.JobPanel(client)"
    again.close()
    assert page.run(there) == "True 0\n"


def test_a_kernel_without_a_connection_has_only_what_it_was_asked_to_load(page):
    code = "import subprocess, sys; print(subprocess.run([sys.executable, '-c', %r], capture_output=True, text=True))"
    look = "import sys, jobwidgets; assert 'jobwidgets.lab.sidebar' not in sys.modules; jobwidgets.connect; "
    look += "assert 'jobwidgets.widgets' not in sys.modules; print('fine')"
    assert "fine" in page.run(code % look)
