"""A person in front of the panel."""

from __future__ import annotations

import asyncio

import ipywidgets


def settle(panel):
    """Wait until nothing is in flight."""
    panel._work.settle()
    panel._hand.run()


class Page:
    """A person in front of the panel."""

    def __init__(self, wire, panel):
        self.wire, self.panel = wire, panel

    def buttons(self):
        return [each for each in below(self.panel) if isinstance(each, ipywidgets.Button)]

    def button(self, name):
        found = [each for each in self.buttons() if each.description.startswith(name)]
        assert found, f"no button {name!r} among {[each.description for each in self.buttons()]}"
        return found[0]

    def press(self, name):
        self.wire(self.button(name)).click()
        settle(self.panel)

    def chip(self, key, *, more=False):
        self.wire(self.panel._top.chips).say("press", key=key, more=more)

    def search(self, text):
        self.wire(self.panel._top.search).write(value=text)

    def error(self):
        return " ".join(line["text"] for line in self.panel._trouble.state["lines"])

    def notes(self):
        return [each for each in below(self.panel.children[-1]) if "lines" in getattr(each, "state", {})]

    def zone(self):
        return " | ".join(line["text"] for note in self.notes() for line in note.state["lines"])

    def field(self, name):
        return next(each for each in below(self.panel) if getattr(each, "description", "").startswith(name))

    def toggles(self, end):
        """The toggles below the table that show those that … : a word that their label ends with."""
        found = [each for each in below(self.panel.children[-1]) if "chips" in getattr(each, "state", {})]
        return next(each for each in found if each.state["label"].endswith(end))

    def reasons(self, end):
        """The reasons below the table as they are called, and their counts."""
        return {each["word"]: int(each["count"].replace(",", "")) for each in self.toggles(end).state["chips"]}

    def press_reason(self, end, key):
        self.wire(self.toggles(end)).say("press", key=key)

    def outcomes(self):
        """The chips below the table: outcomes as they are called, and their counts."""
        (chips,) = [each for each in below(self.panel.children[-1]) if "chips" in getattr(each, "state", {})]
        return {chip["word"]: int(chip["count"].replace(",", "")) for chip in chips.state["chips"]}

    def filter_outcome(self, key):
        (chips,) = [each for each in below(self.panel.children[-1]) if "chips" in getattr(each, "state", {})]
        self.wire(chips).say("press", key=key)

    def results(self):
        """The rows of the table below."""
        (table,) = [each for each in below(self.panel.children[-1]) if hasattr(each, "visible")]
        return table.visible

    def earlier(self):
        """The quiet line above the filters; empty when it is not there."""
        box = self.panel._earlier.box
        return "" if box.layout.display == "none" else page_text(box)


def page_text(box):
    notes = [each for each in below(box) if "lines" in getattr(each, "state", {})]
    return " | ".join(line["text"] for note in notes for line in note.state["lines"])


async def until(test):
    """Let the loop run until something holds."""
    for _ in range(3_000):
        if test():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


def below(widget):
    return [found for child in getattr(widget, "children", ()) for found in (*below(child), child)]
