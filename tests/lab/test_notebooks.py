"""The copies of the notebooks a user works in: brought up to date, and never taken from whoever changed them."""

import json

import nbformat
import pytest

from jobwidgets.lab import notebooks as _notebooks
from jobwidgets.lab.notebooks import lay_out, shipped


def notebook(path, *sources, outputs=()):
    cells = [nbformat.v4.new_code_cell(source, outputs=list(outputs)) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def sources(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A release's notebooks, of which the next release can write other ones."""
    folder = tmp_path / "release"
    folder.mkdir()
    notebook(folder / "01_tour.ipynb", "first")
    notebook(folder / "02_more.ipynb", "second")
    monkeypatch.setattr(_notebooks, "shipped", lambda: folder)
    return folder


def test_the_shipped_ones_are_those_of_the_checkout():
    assert (shipped() / "01_tour.ipynb").is_file()


@pytest.mark.usefixtures("release")
def test_a_new_folder_gets_every_notebook(tmp_path):
    assert lay_out(tmp_path / "mine") == []
    assert sources(tmp_path / "mine" / "01_tour.ipynb") == ["first"]
    assert sources(tmp_path / "mine" / "02_more.ipynb") == ["second"]


def test_a_notebook_that_was_only_run_is_brought_up_to_date(release, tmp_path):
    mine = tmp_path / "mine"
    lay_out(mine)
    notebook(mine / "01_tour.ipynb", "first", outputs=[nbformat.v4.new_output("stream", text="of a service long gone")])
    notebook(release / "01_tour.ipynb", "first, better")
    assert lay_out(mine) == []
    assert (mine / "01_tour.ipynb").read_text() == (release / "01_tour.ipynb").read_text()


def test_a_notebook_that_was_changed_stays_as_its_owner_left_it(release, tmp_path):
    mine = tmp_path / "mine"
    lay_out(mine)
    notebook(mine / "01_tour.ipynb", "first", "my own cell")
    for _ in range(2):
        notebook(release / "01_tour.ipynb", "first, better")
        assert lay_out(mine) == ["01_tour.ipynb"]
        assert sources(mine / "01_tour.ipynb") == ["first", "my own cell"]


@pytest.mark.usefixtures("release")
def test_a_notebook_that_was_there_before_is_nobodys_to_overwrite(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "01_tour.ipynb").write_text("not even a notebook")
    assert lay_out(mine) == ["01_tour.ipynb"]
    assert (mine / "01_tour.ipynb").read_text() == "not even a notebook"


@pytest.mark.usefixtures("release")
def test_a_notebook_that_was_deleted_comes_back_fresh(tmp_path):
    mine = tmp_path / "mine"
    lay_out(mine)
    notebook(mine / "01_tour.ipynb", "spoilt")
    (mine / "01_tour.ipynb").unlink()
    assert lay_out(mine) == []
    assert sources(mine / "01_tour.ipynb") == ["first"]


@pytest.mark.usefixtures("release")
def test_a_damaged_copy_is_kept_too(tmp_path):
    mine = tmp_path / "mine"
    lay_out(mine)
    (mine / "01_tour.ipynb").write_text(json.dumps({"cells": "gone"}))
    assert lay_out(mine) == ["01_tour.ipynb"]
