"""The browser's end of the wire: messages go in where the kernel takes them in, and what goes out is read there."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import comm
import pytest

sys.path.insert(0, str(Path(__file__).parent))


class Wire:
    """What one widget's page says, and hears."""

    def __init__(self, widget, sent):
        self.widget, self._sent = widget, sent

    def _take(self, data):
        self.widget.comm.handle_msg({"content": {"data": data}, "buffers": [], "metadata": {}})

    def say(self, intent=None, **content):
        """Send a message, as the page's script does; give what came back."""
        before = len(self._sent)
        self._take({"method": "custom", "content": {"do": intent, **content} if intent else content})
        return [data for _, data in self._sent[before:]]

    def send(self, content):
        """Send anything at all."""
        self._take({"method": "custom", "content": content})

    def write(self, **state):
        """Write traits, as any page can."""
        self._take({"method": "update", "state": state, "buffer_paths": []})

    def click(self):
        """Press a button of ipywidgets."""
        self._take({"method": "custom", "content": {"event": "click"}})

    def ask(self, first=0, last=40, view="v", **more):
        """Ask for rows; give the answer."""
        version = more.pop("version", self.widget.head["version"])
        heard = self.say("rows", view=view, first=first, last=last, version=version, **more)
        return next(data["content"] for data in heard if data["method"] == "custom")

    def pick(self, index, how="only", **more):
        """Click a row."""
        return self.say("pick", index=index, how=how, id=None, version=self.widget.head["version"], **more)


def rows_of(heard):
    """The messages with rows among what was heard."""
    return [data["content"] for data in heard if data["method"] == "custom"]


def size(heard):
    """The bytes of what was heard, as they go to the page."""
    return len(json.dumps(heard))


@pytest.fixture
def wire(monkeypatch):
    """Give the page's end of any widget."""
    sent = []

    class RecordedComm(comm.DummyComm):
        def publish_msg(self, msg_type, data=None, *_more, **_keys):
            if msg_type == "comm_msg":
                sent.append((self.comm_id, data))

    monkeypatch.setattr(comm, "create_comm", RecordedComm)
    monkeypatch.setattr("ipywidgets.widgets.widget.comm.create_comm", RecordedComm)
    return lambda widget: Wire(widget, sent)


@pytest.fixture(autouse=True)
def no_error_is_swallowed(caplog, request):
    """Fail a test in which the panel logged an error that the test did not expect."""
    caplog.set_level(logging.WARNING, "jobwidgets.panel")
    yield
    told = [record.getMessage() for record in caplog.get_records("call") if record.name == "jobwidgets.panel"]
    if not request.node.get_closest_marker("parametrize") and "expects_errors" not in request.fixturenames:
        assert told == []


@pytest.fixture
def expects_errors(caplog):
    """Let a test read the errors that it brings about."""
    return lambda: [record.getMessage() for record in caplog.records if record.name == "jobwidgets.panel"]
