"""What completion offers, in a real shell, and that it asks nobody."""

import pytest
from IPython.core.completer import provisionalcompleter

import jobwidgets as jw
from jobwidgets.magics.verbs import VERBS
from jobwidgets.vocabulary import STATUSES


def test_verbs_are_offered_and_nothing_else(cells, ip):
    assert set(cells.offers("%job ")) == set(VERBS)
    assert cells.offers("%job re") == {"retry": "verb", "resume": "verb", "receipts": "verb"}
    with provisionalcompleter():
        assert [(found.text, found.start, found.end) for found in ip.Completer.completions("%job li", 7)] == [
            ("list", 5, 7)
        ]
    assert set(cells.offers("x = %job ca")) == {"cancel"}
    assert set(cells.offers("%%job ca")) == {"cancel"}


@pytest.mark.parametrize("code", ["%job", "job ca", "x %job ca", "print('%job ca", "a = 1", "%jobs ca", "# %job ca"])
def test_elsewhere_nothing_is_offered(cells, code):
    assert cells.offers(code) == {}


def test_options_of_the_verb_that_are_not_there_yet(cells):
    offered = cells.offers("%job list --status failed --")
    assert {"--since", "--engine", "--limit", "--where", "--out"} <= set(offered)
    assert "--status" not in offered
    assert "--yes" not in offered
    assert "--yes" in cells.offers("%job cancel --y")


def test_statuses_apis_and_kinds_are_offered_where_they_stand(cells):
    assert set(cells.offers("%job list --status ")) >= set(STATUSES)
    assert cells.offers("%job list --status fa") == {"failed": "value"}
    assert set(cells.offers("%job list --status failed pe")) == {"pending"}
    assert set(cells.offers("%job list --api ")) == {"graphql", "rest"}
    assert {"cancel", "retry"} <= set(cells.offers("%job plan "))
    assert set(cells.offers("%job scheduled ca")) == {"cancel"}
    assert set(cells.offers("%job help sc")) == {"scheduled"}


def test_where_a_free_text_stands_nothing_is_offered(cells):
    assert cells.offers("%job list --since ") == {}
    assert cells.offers("%job list -o ") == {}
    assert cells.offers("%job nonsense ") == {}


def ids(offered):
    return {word for word, kind in offered.items() if kind.startswith("job ")}


def test_ids_that_the_verb_can_act_on_and_no_request(reading):
    frame = reading("%job list --since 30d")
    asked = reading.service.requests.total()
    able = {
        name: set(frame.loc[frame[name].fillna(value=False).astype(bool), "id"]) for name in ("can_cancel", "can_retry")
    }
    assert ids(reading.offers("%job cancel ")) == able["can_cancel"]
    assert ids(reading.offers("%job plan cancel ")) == able["can_cancel"]
    assert ids(reading.offers("%job retry ")) == able["can_retry"]
    assert ids(reading.offers("%job status ")) == set(frame["id"])
    one = min(able["can_cancel"])
    assert reading.offers(f"%job cancel {one[:-2]}")[one] == f"job {frame.set_index('id').loc[one, 'status']}"
    assert one not in reading.offers(f"%job cancel {one} ")
    assert reading.service.requests.total() == asked


def test_ids_in_the_body_of_a_cell(reading):
    frame = reading("%job list")
    one = frame.loc[frame["can_cancel"].fillna(value=False).astype(bool), "id"].iloc[0]
    assert one in reading.offers(f"%%job cancel\n{one[:-3]}")
    assert one in reading.offers(f"%%job cancel --yes\n# a comment\n{one[:-1]}")
    assert "--yes" not in reading.offers("%%job cancel\n")


def test_ids_and_names_of_frames_made_elsewhere(reading):
    reading.shell.user_ns["mine"] = reading.client.jobs(limit=10)
    offered = reading.offers("%job status ")
    assert offered["$mine"] == "frame"
    assert ids(offered) == set(reading.shell.user_ns["mine"]["id"])
    assert set(reading.offers("%job cancel $m")) == {"$mine"}


def test_frames_and_ids_of_another_service_are_not_offered(reading, samples):
    reading.shell.user_ns["other"] = samples.jobs()
    assert reading.offers("%job cancel $") == {}
    assert ids(reading.offers("%job status ")) == set()


def test_a_frame_that_has_lost_columns_or_types_does_no_harm(reading):
    frame = reading.client.jobs(limit=5)
    reading.shell.user_ns.update(a=frame[["id"]], b=frame[["status"]], c=frame.assign(id=None))
    assert {"$a", "$b", "$c"} <= set(reading.offers("%job status "))


def test_engines_are_offered_in_quotes_where_they_hold_blanks(reading):
    reading("%job list")
    offered = reading.offers("%job list --engine ")
    assert offered
    assert set(offered.values()) == {"engine"}
    spaced = next(name for name in offered if " " in name)
    assert spaced[0] == spaced[-1] == "'"
    begun = spaced[1:6]
    assert any(word.startswith(f'"{begun}') for word in reading.offers(f'%job list --engine "{begun}'))


def test_plans_receipts_and_schedules_are_offered(connected):
    plan = connected("%job plan cancel --status pending queued")
    assert connected.offers("%job apply ")[plan.op] == "plan"
    connected("%job apply")
    assert connected.offers("%job receipts ")[plan.op] == "receipt"
    schedules = connected("%job scheduled")
    assert set(schedules["id"]) <= set(connected.offers("%job scheduled cancel "))
    assert set(schedules["id"]) <= set(connected.offers("%job list --scheduled-job "))


def test_a_word_in_the_middle_of_a_line_is_completed(cells):
    assert set(cells.offers("%job lis --since 2d", column=8)) == {"list"}


def test_nothing_a_user_can_type_breaks_completion(cells):
    for code in (
        "%job cancel 'a",
        '%job list --where "x',
        "%job list --status=fa",
        "%job \\",
        "%job list '",
        "%job cancel $",
        "%%job\n",
    ):
        cells.offers(code)


def test_saved_plans_and_operations_of_other_kernels_are_offered(connected, served, service, tmp_path, monkeypatch):
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token) as another:
        plan = another.plan_cancel([service.add_job("pending", 1)])
        plan.apply(progress=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "retry.yaml").touch()
    (tmp_path / "notes.txt").touch()
    assert connected.offers("%job apply ret") == {"retry.yaml": "file"}
    asked = service.requests.total()
    for verb in ("receipts", "resume", "stop", "verify"):
        assert connected.offers(f"%job {verb} can") == {plan.op: "receipt"}
    monkeypatch.setenv("JOBWIDGETS_STATE", str(tmp_path / "notes.txt"))
    assert "receipt" not in connected.offers("%job receipts ").values()
    assert service.requests.total() == asked
