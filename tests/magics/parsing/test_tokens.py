"""How a line is read."""

import datetime as dt

import pandas as pd
import pytest

import jobwidgets as jw
from jobwidgets.magics.parsing.tokens import expand_variables, ids_of, split, targets, validate_name


def test_quotes_keep_words_together_and_a_semicolon_silences():
    assert split("list --engine 'Face Detection' ;") == (["list", "--engine", "Face Detection"], True)
    assert split("  ") == ([], False)


def test_an_open_quote_is_a_clear_error():
    with pytest.raises(jw.UsageError, match="no closing quotation → close the quotes"):
        split("list --where 'x")


def test_ids_keep_their_zeros():
    assert targets(["0012", "0012", "12"], None, {}).ids == ["0012", "12"]


def test_a_dollar_name_takes_a_frame_a_list_a_series_or_a_text(samples):
    frame = samples.jobs()
    names = {"df": frame, "ids": ["a", "b"], "column": frame["id"], "one": "0012", "pair": ("c",)}
    assert targets(["$df"], None, names).all_ids() == list(frame["id"])
    assert targets(["$ids", "x"], None, names).ids == ["a", "b", "x"]
    assert targets(["$column"], None, names).ids == list(frame["id"])
    assert targets(["$one"], None, names).one == "0012"
    assert targets(["$pair"], None, names).one is None, "a list of one id is a list: it is planned"


def test_a_frame_of_tasks_names_its_jobs_once():
    assert ids_of(pd.DataFrame({"id": ["t1", "t2", "t3"], "job_id": ["a", "a", "b"]})) == ["a", "b"]


def test_an_unknown_variable_names_the_nearest():
    with pytest.raises(jw.UsageError, match=r"there is no variable faild → did you mean \$failed\?"):
        targets(["$faild"], None, {"failed": [], "_failed": []})


@pytest.mark.parametrize("value", [12, 3.5, None, object(), b"0012", {"a": 1}])
def test_what_holds_no_ids_is_refused(value):
    with pytest.raises(jw.UsageError, match="holds no job ids"):
        targets(["$x"], None, {"x": value})


def test_numbers_are_never_ids():
    with pytest.raises(jw.UsageError, match="ids are never numbers"):
        targets(["$x"], None, {"x": [12]})
    with pytest.raises(jw.UsageError, match="ids are never numbers"):
        targets(["$x"], None, {"x": pd.DataFrame({"id": [12]})})


def test_a_frame_without_ids_or_of_schedules_is_refused():
    schedules = pd.DataFrame({"id": ["1"]})
    schedules.attrs["kind"] = "scheduled_jobs"
    for frame in (pd.DataFrame({"a": [1]}), schedules):
        with pytest.raises(jw.UsageError, match="no frame of jobs"):
            targets(["$x"], None, {"x": frame})


def test_an_option_takes_a_text_a_number_or_a_time_from_a_variable():
    names = {"n": 50, "day": dt.date(2026, 3, 1), "engine": "Face Detection"}
    assert expand_variables(["--limit", "$n", "--since", "$day", "--engine", "$engine"], names) == [
        "--limit", "50", "--since", "2026-03-01", "--engine", "Face Detection",
    ]  # fmt: skip


def test_a_variable_cannot_smuggle_in_an_option():
    with pytest.raises(jw.UsageError, match="would be read as an option"):
        expand_variables(["$x"], {"x": "--yes"})


def test_a_cell_holds_one_id_a_line_with_comments_and_blank_lines():
    cell = "# the stuck ones\n\n0012\n  26_a  # this one too\n$more\n"
    assert targets(["x"], cell, {"more": ["m"]}).ids == ["x", "0012", "26_a", "m"]


@pytest.mark.parametrize("line", ["a b", "a,", "'a';"])
def test_a_line_of_a_cell_that_is_not_one_id_is_named(line):
    with pytest.raises(jw.UsageError, match="line 2 of the cell is not one id"):
        targets([], f"ok\n{line}\n", {})


def test_only_a_name_of_a_variable_can_follow_o():
    assert validate_name("failed_2") == "failed_2"
    for name in ("3x", "a.b", "class", "None", "a b", ""):
        with pytest.raises(jw.UsageError, match="-o: "):
            validate_name(name)
