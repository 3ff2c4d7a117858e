"""The page's end of a widget."""

from __future__ import annotations

import contextlib
import json
from unittest import mock

import comm


@contextlib.contextmanager
def fake_frontend():
    """Replace the page of widgets, and yield a function from a widget to the page's end of it."""
    sent = []

    class RecordedComm(comm.DummyComm):
        def publish_msg(self, msg_type, data=None, *_more, **_keys):
            if msg_type == "comm_msg":
                sent.append((self.comm_id, data))

    with (
        mock.patch.object(comm, "create_comm", RecordedComm),
        mock.patch("ipywidgets.widgets.widget.comm.create_comm", RecordedComm),
    ):
        yield lambda widget: Wire(widget, sent)


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
