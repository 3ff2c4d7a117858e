"""The picture beside a live panel: small, harmless, and what a saved notebook shows."""

import html.parser
import json
import logging

import nbformat
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat.v4 import new_code_cell, new_notebook

import jobwidgets as jw
from jobwidgets.emulator import Service, serve
from jobwidgets.widgets.static_snapshot import _bundle, picture
from tests.support.panel_driver import page_text

LIMIT = 10_000
VIEW = "application/vnd.jupyter.widget-view+json"
TAGS = {"div", "p", "strong", "em", "br", "table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {
    ("class", "jobwidgets-picture"),
    ("style", "line-height:1.5"),
    ("style", "margin:0"),
    ("style", "margin:0 0 6px"),
    ("style", "margin:6px 0 0"),
    ("style", "text-align:left"),
}
HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "&" * 300, "'" * 300,
    "\u202e" * 300, "\U000e0001" * 300, "\N{CLAPPER BOARD}" * 300, "مرحبا" * 60, "\x1b[31m" * 60, "a\x00b", "\ud800",
    "", "x" * 100_000, "</td></tr></table><b>out", "javascript:alert(1)", "$$x^2$$",
]  # fmt: skip


class Read(html.parser.HTMLParser):
    """Read a picture as a page would: its elements, attributes, rows and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.rows, self.text, self.inside = set(), set(), [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= set(attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self.inside:
            self.rows[-1][-1] += data


def harmless(drawn):
    read = Read(drawn)
    assert read.tags <= TAGS
    assert read.attributes <= ATTRIBUTES
    assert len(drawn.encode()) < LIMIT
    return read


def test_a_picture_has_the_counts_the_time_and_twenty_five_rows(panel):
    read = harmless(picture(panel))
    frame = panel.visible
    assert len(read.rows) == 26
    assert [row[-1] for row in read.rows[1:]] == list(frame["id"].head(25))
    for status, count in frame["status"].value_counts().items():
        assert not count or f"{count} {status}" in read.text
    assert f"{len(frame)} jobs as of 20" in read.text
    assert "Run the cell for the live panel." in read.text
    assert f"The first 25 of {len(frame)} are in this picture." in read.text


def test_a_picture_shows_what_the_filter_lets_through_in_the_order_shown(panel):
    panel._table.narrow({"complete"})
    panel._table.sort("name", descending=True)
    read = harmless(picture(panel))
    assert [row[-1] for row in read.rows[1:]] == list(panel.visible["id"].head(25))
    assert f"The filter lets {len(panel.visible)} through." in read.text


def test_the_text_beside_it_tells_the_same(panel):
    text = _bundle(panel.snapshot())["text/plain"]
    assert "<td" not in text
    assert all(job in text for job in panel.visible["id"].head(25))
    assert "Run the cell for the live panel." in text


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_twenty_five_hostile_names_are_text_and_stay_below_ten_kilobytes(client, service, name):
    if name.isprintable():
        for _ in range(30):
            service.add_job("pending", 1, name=name[:5_000])
        frame = client.jobs()
    else:  # no service would send such a thing; a frame can hold it
        frame = client.jobs().head(30)
        frame["name"] = pd.Series([name] * len(frame), dtype=object)
        frame["id"] = frame["id"].astype(object)
    frame["id"] = frame["id"] + name[:50]
    read = harmless(picture(frame))
    assert len(read.rows) == 26
    assert {len(row) for row in read.rows} == {5}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=0, max_size=60), min_size=1, max_size=9, unique=True), st.text(max_size=80))
def test_a_picture_of_any_frame_is_harmless_and_small(columns, value):
    read = harmless(picture(pd.DataFrame({column: [value] * 40 for column in columns})))
    assert len(read.rows) == 26


def test_words_for_statuses_that_nobody_has_heard_of_are_counted_together():
    words = [f"status-{'z' * 80}-{at}" for at in range(60)]
    frame = pd.DataFrame({"id": words, "status": pd.Categorical(words)})
    assert "50 others" in harmless(picture(frame)).text


def test_a_panel_without_a_list_says_why(service, client, expects_errors):
    service.faults.expire_token(times=None)
    panel = jw.JobPanel(client, refresh=None)
    panel._work.settle()
    read = harmless(picture(panel))
    assert "The list is not read yet." in read.text
    assert "AuthError" in read.text
    assert panel._table.head["empty"] == "The list could not be read"
    assert "could not be read" in page_text(panel._top.head)
    service.faults.clear()
    panel.refresh()
    panel._work.settle()
    panel._hand.run()
    assert len(panel.visible) == 60
    assert panel._table.head["empty"] == "No job matches"
    assert expects_errors()
    panel.close()


def test_an_empty_list_has_a_picture():
    nothing = Service(jobs=0, seed=1, speed=0)
    with serve(nothing) as running, jw.connect(running.graphql_url, token=nothing.token) as client:
        read = harmless(picture(client.jobs()))
    assert "0 jobs as of" in read.text
    assert read.rows == []


# ------------------------------------------------------------------ in a real kernel

CELLS = {
    "panel": """import asyncio, ipywidgets, jobwidgets as jw
from IPython.display import display
from jobwidgets.widgets import static_snapshot
client = jw.demo(jobs=40, seed=0, speed=0)
panel = jw.JobPanel(client, refresh=None)
panel""",
    "again": "display(panel)",
    "table": "jw.JobTable(client.jobs())",
    "box": "ipywidgets.HBox([jw.JobTable(client.jobs())])",
    "quick": """sent = []
tell = static_snapshot.update_display
static_snapshot.update_display = lambda *a, **k: (sent.append(a[0]["text/html"]), tell(*a, **k))
for _ in range(5):
    client.service.add_job("pending", 1, name="Zebra")
    panel.refresh()
    panel._work.settle()
    await asyncio.sleep(0.05)
print(len(sent))""",
    "slow": """panel._picture._at -= static_snapshot.EVERY - 0.1
panel._picture._timer.cancel()
panel._picture._wait()
await asyncio.sleep(0.5)
print(len(sent))""",
    "same": """static_snapshot.EVERY = 0
for _ in range(3):
    panel.refresh()
    panel._work.settle()
    await asyncio.sleep(0.2)
print(len(sent))""",
    "close": """static_snapshot.EVERY = 10
client.service.add_job("pending", 1, name="Okapi")
panel.refresh()
panel._work.settle()
panel.close()
print(len(sent))""",
    "closed": "display(panel)",
}


@pytest.fixture(scope="module")
def book():
    """A notebook that was run without a person, as it is saved."""
    cells = [new_code_cell(source, id=name) for name, source in CELLS.items()]
    book = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    NotebookClient(book, timeout=120, kernel_name="python3", store_widget_state=True).execute()
    nbformat.validate(book)
    return book


def outputs(book, name):
    return next(cell for cell in book.cells if cell.id == name).outputs


def printed(book, name):
    return int(outputs(book, name)[-1]["text"])


@pytest.mark.parametrize("name", ["panel", "again", "table"])
def test_the_live_one_and_its_picture_are_two_outputs(book, name):
    live, still = outputs(book, name)
    assert set(live["data"]) == {VIEW, "text/plain"}
    assert set(still["data"]) == {"text/html", "text/plain"}
    assert len(harmless("".join(still["data"]["text/html"])).rows) == 26


def test_a_panel_inside_another_widget_has_no_picture(book):
    assert ["text/html" in output["data"] for output in outputs(book, "box")] == [False]


def test_a_picture_is_renewed_seldom_and_only_with_news_and_at_once_when_the_panel_closes(book):
    assert [printed(book, name) for name in ("quick", "slow", "same", "close")] == [0, 1, 1, 2]


def test_every_saved_picture_is_the_last_known_state(book):
    pictures = ["".join(outputs(book, name)[-1]["data"]["text/html"]) for name in ("panel", "again", "closed")]
    assert len(set(pictures)) == 1
    assert pictures[0].count("Zebra") == 5
    assert pictures[0].count("Okapi") == 1
    assert "46 jobs as of" in pictures[0]


def test_a_closed_panel_is_shown_by_its_picture_alone(book):
    assert [set(output["data"]) for output in outputs(book, "closed")] == [{"text/html", "text/plain"}]


@pytest.mark.parametrize("with_state", [True, False])
@pytest.mark.parametrize("exporter", [HTMLExporter, MarkdownExporter])
def test_exported_pages_show_every_picture(book, exporter, with_state, caplog):
    caplog.set_level(logging.ERROR)
    copy = nbformat.from_dict(json.loads(json.dumps(book)))
    assert copy.metadata["widgets"]
    if not with_state:
        del copy.metadata["widgets"]
    page, _ = exporter().from_notebook_node(copy)
    assert page.count('class="jobwidgets-picture"') == 4
    assert page.count("Okapi") >= 3
    assert caplog.records == []
