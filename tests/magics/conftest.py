"""A real IPython shell, alone and connected to the embedded service."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import jobwidgets as jw
from jobwidgets.emulator import serve


class Cells:
    """Runs cells as a user does, and says what came of each."""

    def __init__(self, shell, capsys):
        self.shell, self._capsys = shell, capsys

    def __call__(self, code):
        """Give the value of a cell; what it raises is raised."""
        result = self.shell.run_cell(code)
        self.printed = self._capsys.readouterr().out
        if result.error_before_exec or result.error_in_exec:
            raise result.error_before_exec or result.error_in_exec
        return result.result

    def error(self, code):
        """Give the one line that a failing cell shows."""
        result = self.shell.run_cell(code)
        self.printed = self._capsys.readouterr().out
        assert result.error_in_exec is not None, f"{code} did not fail"
        lines = self.printed.strip().splitlines()
        assert len(lines) == 1, self.printed
        return lines[0]

    def offers(self, code, line=None, column=None):
        """Give what completion offers at the end of the code, with the types."""
        lines = code.split("\n")
        line = len(lines) - 1 if line is None else line
        found = self.shell.Completer._complete(
            cursor_line=line, cursor_pos=len(lines[line]) if column is None else column, full_text=code
        )
        mine = found.get("jobwidgets.job", {"completions": []})
        return {completion.text: completion.type for completion in mine["completions"]}


@pytest.fixture
def cells(ip, capsys):
    """A shell with the extension loaded."""
    ip.run_line_magic("load_ext", "jobwidgets")
    return Cells(ip, capsys)


@pytest.fixture
def connected(cells, client, service):
    """The same, talking to the real service, whose clock stands still."""
    cells.client, cells.service = client, service
    return cells


@pytest.fixture(scope="module")
def still(small_world):
    """A service and a client that the tests of a module share: for those that change nothing."""
    service = small_world()
    with (
        serve(service) as running,
        jw.connect(running.graphql_url, rest_url=running.rest_url, token=service.token, timeout=20) as client,
    ):
        yield SimpleNamespace(service=service, client=client)


@pytest.fixture
def reading(cells, still):
    """A shell that talks to the shared service, in which nothing may be changed."""
    before = len(still.service.ledger)
    cells.client, cells.service = still.client, still.service
    yield cells
    assert len(still.service.ledger) == before
