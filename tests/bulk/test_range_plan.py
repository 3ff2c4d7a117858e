"""Plans for a range: listed before, sent once, listed again; the service decides, and every job is accounted for."""

import shutil
from datetime import timedelta

import pytest

import jobwidgets as jw
from jobwidgets.bulk.journal import journal as _journal

POST = "POST /proc/jobs/cancel"
LIST = "GET /proc/jobs"


class World:
    """A range long ago, with nothing in it but what a test puts there."""

    def __init__(self, client, service):
        self.client, self.service = client, service
        self.now = service.clock.now().replace(microsecond=0)
        self.organization = client.me().organization_id

    def add(self, *args, days=400, **options):
        self.hour = getattr(self, "hour", 0) + 1
        created = self.now - timedelta(days=days, minutes=self.hour)
        return self.service.add_job(*args, created=created, lives=False, **options)

    def waiting(self, count):
        return [self.add("pending", 2) for _ in range(count)]

    def plan(self, **options):
        before = self.now - timedelta(days=399)
        return self.client.plan_cancel_range(self.organization, after="410d", before=before, **options)

    def outcomes(self, receipt):
        assert sum(receipt.counts.values()) == receipt.total == len(receipt.df)
        return dict(zip(receipt.df.id, receipt.df.outcome, strict=True))


@pytest.fixture
def world(client, service):
    return World(client, service)


def test_a_plan_lists_the_range_and_sends_nothing(client, service, world):
    ids = world.waiting(3)
    idle = world.add("running", ["pending", "queued"])
    started, done = world.add("running", ["running"]), world.add("complete", ["complete"])
    plan = world.plan(reason="a bad import")
    assert (plan.kind, plan.act, plan.reason) == ("range", "cancel", "a bad import")
    assert plan.op.startswith("range-")
    assert plan.df.columns.tolist() == ["id", "name", "status", "action", "why_not"]
    actions = dict(zip(plan.df.id, plan.df.action, strict=True))
    assert actions == {**dict.fromkeys([*ids, idle], "cancel"), started: "skip", done: "skip"}
    assert plan.counts == {"cancel": 4, "skip": 2}
    assert plan.reasons == {"task_started": 1, "complete": 1}
    for shown in (repr(plan), plan._repr_html_()):
        assert "decides over everything in this range, seen or not" in shown
        assert world.organization in shown
    assert service.requests[POST] == 0
    assert client.receipts().empty


def test_applying_sends_one_request_and_tells_what_became_of_each(client, service, world):
    ids = world.waiting(4)
    started = world.add("running", ["running"])
    outside = world.add("pending", 2, days=300)
    receipt = world.plan(reason="stuck").apply(progress=False)
    assert world.outcomes(receipt) == {**dict.fromkeys(ids, "done"), started: "skipped"}
    assert service.requests[POST] == 1
    assert sorted(write.target_id for write in service.ledger) == sorted(ids)
    assert service.job_status(outside) == "pending"
    frame = receipt.df.set_index("id")
    assert set(frame.loc[ids, "status"]) == {"aborted"}
    assert set(frame.loc[ids, "verified"]) == {"confirmed"}
    assert frame.reason[started] == "a task has started"
    assert receipt.why == "stuck"
    assert client.receipts().kind.tolist() == ["range"]
    assert client.receipts().state.tolist() == ["finished"]


def test_a_range_plan_is_used_once(service, world):
    world.waiting(2)
    plan = world.plan()
    assert plan.apply(progress=False) is plan.apply()
    assert service.requests[POST] == 1


def test_rows_cannot_be_taken_out(service, world):
    world.waiting(3)
    plan = world.plan()
    plan.df = plan.df.iloc[1:]
    with pytest.raises(jw.UsageError, match=r"cannot be taken out.*decides over everything.*plan_cancel\(\)"):
        plan.apply()
    assert service.requests[POST] == 0


def test_an_empty_range_is_refused_and_one_without_jobs_sends_nothing(client, service, world):
    with pytest.raises(jw.UsageError, match="is empty"):
        client.plan_cancel_range(world.organization, after="1d", before="2d")
    world.add("complete", ["complete"])
    receipt = world.plan().apply(progress=False)
    assert receipt.counts == {"skipped": 1}
    assert "nothing that is listed in the range can be cancelled" in receipt.halted
    assert service.requests[POST] == 0


def test_another_organisation_is_refused_and_nothing_changes(client, service, world):
    other = next(org for org in service.tokens if org != world.organization)
    with pytest.raises(jw.RefusedError):
        client.plan_cancel_range(other, after="2d", before="1d")
    assert service.ledger == []


def test_more_than_500_need_their_number(service, world):
    for _ in range(501):
        world.add("pending", 1)
    plan = world.plan()
    with pytest.raises(jw.UsageError, match=r"apply\(limit=501\)"):
        plan.apply()
    assert service.requests[POST] == 0
    assert plan.apply(limit=501, progress=False).counts == {"done": 501}


def test_it_goes_out_of_date_as_every_plan(world, monkeypatch):
    from jobwidgets.bulk import plan_header as _head

    world.waiting(1)
    plan = world.plan(expires="1h")
    real = _head.clock
    monkeypatch.setattr(_head, "clock", lambda: real() + timedelta(hours=2))
    with pytest.raises(jw.UsageError, match="out of date"):
        plan.apply()


# ------------------------------------------------------------------------ what moves


def test_drift_tells_what_moved_and_what_has_come(client, service, world):
    ids = world.waiting(10)
    plan = world.plan()
    assert plan.drift().empty
    client.cancel(ids[0])
    service.remove_job(ids[1])
    new = world.add("pending", 2)
    sent = service.requests[POST]
    moved = plan.drift().set_index("id")
    assert set(moved.index) == {ids[0], ids[1], new}
    assert moved.why[ids[0]] == "aborted"
    assert moved.why[ids[1]] == "not_found"
    assert moved.was_action.isna()[new]
    assert moved.now_action[new] == "cancel"
    assert plan.drift().attrs["new"] == 1
    assert service.requests[POST] == sent


def test_what_moved_is_skipped_and_what_has_come_is_told(client, world):
    ids = world.waiting(10)
    plan = world.plan()
    client.cancel(ids[0])
    new = world.add("pending", 2)
    receipt = plan.apply(progress=False)
    assert world.outcomes(receipt) == {**dict.fromkeys([*ids[1:], new], "done"), ids[0]: "skipped"}
    reasons = receipt.df.set_index("id").reason
    assert reasons[new] == "was not listed when the plan was made"
    assert "moved since the plan was made" in reasons[ids[0]]
    assert receipt.aio.drifted == 1


def test_too_much_that_moved_or_came_is_refused_and_the_plan_stays_usable(client, service, world):
    ids = world.waiting(5)
    plan = world.plan()
    client.cancel(ids[0])
    world.waiting(1)
    with pytest.raises(jw.UsageError, match="1 of 5 moved since the plan was made, and 1 that can be cancelled have"):
        plan.apply()
    assert service.requests[POST] == 0
    assert not plan.applied
    assert client.receipts().empty
    assert plan.apply(max_drift=0.5, progress=False).counts == {"done": 5, "skipped": 1}


def test_more_than_the_number_said_are_refused_when_others_have_come(service, world):
    world.waiting(3)
    plan = world.plan()
    world.waiting(2)
    with pytest.raises(jw.UsageError, match="would cancel 5 jobs by now, more than 3"):
        plan.apply(limit=3, max_drift=1)
    assert service.requests[POST] == 0
    assert plan.apply(limit=5, max_drift=1, progress=False).counts == {"done": 5}


def test_a_job_that_came_between_the_last_look_and_the_request_is_told(client, world):
    ids = world.waiting(2)
    plan = world.plan()
    send = client.aio._connection.http.send
    late = []

    async def one_more(request, *options):
        if request.name == POST:
            late.append(world.add("pending", 2))
        return await send(request, *options)

    client.aio._connection.http.send = one_more
    receipt = plan.apply(progress=False)
    assert world.outcomes(receipt) == dict.fromkeys([*ids, *late], "done")
    assert receipt.df.set_index("id").reason[late[0]] == "was not listed when the plan was made"
    again = client.receipt(receipt.op)
    assert again.counts == receipt.counts


def test_what_was_left_out_and_is_cancelled_all_the_same_is_done(client, service, world):
    ids = world.waiting(2)
    held = world.add("paused", ["pending"])
    plan = world.plan()
    send = client.aio._connection.http.send

    async def it_can_be_now(request, *options):
        if request.name == POST:
            store = service.world.store
            store.status[store.rows[held]] = store.words.index("pending")
        return await send(request, *options)

    client.aio._connection.http.send = it_can_be_now
    receipt = plan.apply(progress=False)
    assert world.outcomes(receipt) == dict.fromkeys([*ids, held], "done")
    assert "though here it was left out" in receipt.df.set_index("id").reason[held]


def test_a_job_that_goes_on_is_refused(service, world):
    service.choices.cancel_race = 1.0
    world.waiting(3)
    receipt = world.plan().apply(progress=False)
    assert receipt.counts == {"refused": 3}
    assert set(receipt.df.reason) == {"it went on: a task has started"}
    assert service.ledger == []


def test_a_cancel_that_takes_effect_later_is_unknown_until_it_has(service, world):
    service.choices.cancel_delay = 20
    world.waiting(2)
    receipt = world.plan().apply(progress=False)
    assert receipt.counts == {"unknown": 2}
    assert set(receipt.df.reason) == {"the service took the request, but the job still waits"}
    assert receipt.resolve().counts == {"unknown": 2}
    service.clock.advance("1min")
    assert receipt.resolve().counts == {"done": 2}
    assert service.requests[POST] == 1


# ------------------------------------------------------------------------ doubt


@pytest.mark.parametrize("dial", ["lose_answer", "fail_after", "garbage", "cut"])
def test_a_lost_answer_is_unknown_and_resolved_by_listing(service, world, dial):
    ids = world.waiting(3)
    started = world.add("running", ["running"])
    getattr(service.faults, dial)(operation=POST)
    receipt = world.plan().apply(progress=False)
    if dial != "garbage":  # its body is not documented: an answer is an answer
        assert receipt.counts == {"unknown": 3, "skipped": 1}
    sent = service.requests[POST]
    receipt.resolve()
    assert world.outcomes(receipt) == {**dict.fromkeys(ids, "done"), started: "skipped"}
    receipt.resume(progress=False)
    assert service.requests[POST] == sent == 1
    assert len(service.ledger) == 3


def test_a_request_that_did_not_arrive_is_found_out_and_not_sent_again(service, world):
    world.waiting(3)
    service.faults.fail_before(operation=POST)
    receipt = world.plan().apply(progress=False)
    assert receipt.counts == {"unknown": 3}
    assert receipt.resolve().counts == {"unknown": 3}
    service.clock.advance("5min")
    assert receipt.resolve().counts == {"not_sent": 3}
    receipt.resume(progress=False)
    assert receipt.counts == {"not_sent": 3}
    assert "never sent again" in receipt.halted
    assert service.requests[POST] == 1
    assert world.plan().apply(progress=False).counts == {"done": 3}


def test_what_certainly_was_not_sent_is_sent_by_resuming(service, world):
    world.waiting(3)
    plan = world.plan()
    service.faults.expire_token(operation=POST)
    receipt = plan.apply(progress=False)
    assert receipt.counts == {"not_sent": 3}
    assert receipt.halted
    assert receipt.resume(progress=False).counts == {"done": 3}
    assert len(service.ledger) == 3


def test_a_plan_that_could_not_look_can_be_applied_again(client, service, world):
    world.waiting(2)
    plan = world.plan()
    service.faults.expire_token(operation=LIST)
    with pytest.raises(jw.AuthError):
        plan.apply(progress=False)
    assert not plan.applied
    assert client.receipts().empty
    assert plan.apply(progress=False).counts == {"done": 2}


def test_what_became_of_it_can_be_had_in_another_kernel(service, served, world):
    ids = world.waiting(3)
    started = world.add("running", ["running"])
    service.faults.lose_answer(operation=POST)
    op = world.plan(reason="stuck").apply(progress=False).op
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token) as other:
        receipt = other.receipt(op)
        assert receipt.counts == {"unknown": 3, "skipped": 1}
        receipt.resume(progress=False)
        assert world.outcomes(receipt) == {**dict.fromkeys(ids, "done"), started: "skipped"}
    assert service.requests[POST] == 1


def test_nothing_leaves_before_its_intent_is_on_disk(client, world):
    ids = world.waiting(3)
    plan = world.plan()
    send = client.aio._connection.http.send
    found = []

    async def look_at_the_journal(request, *options):
        if request.name == POST:
            found.extend(record for record in _journal.read(plan.op) if record["record"] == "intent")
        return await send(request, *options)

    client.aio._connection.http.send = look_at_the_journal
    plan.apply(progress=False)
    assert [len(intent["lines"]) for intent in found] == [len(ids)]


def test_what_nobody_had_listed_is_found_by_when_it_changed(client, service, world):
    ids = world.waiting(2)
    long_ago = world.add("aborted", ["aborted"])
    plan = world.plan()
    send = client.aio._connection.http.send
    late = []

    async def one_more_and_no_answer(request, *options):
        if request.name == POST:
            late.append(world.add("pending", 2))
            service.faults.lose_answer(operation=POST)
        return await send(request, *options)

    service.clock.advance("10min")
    client.aio._connection.http.send = one_more_and_no_answer
    receipt = plan.apply(progress=False)
    receipt.resolve()
    assert world.outcomes(receipt) == {**dict.fromkeys([*ids, *late], "done"), long_ago: "skipped"}


@pytest.mark.parametrize("when", ["before it left", "after it was done"])
def test_a_kernel_that_dies_with_the_request_under_way_leaves_it_to_another(
    client, service, served, world, tmp_path, monkeypatch, when
):
    ids = world.waiting(3)
    plan = world.plan()
    send = client.aio._connection.http.send

    async def the_disk_at_that_moment(request, *options):
        if request.name == POST and when == "before it left":
            shutil.copytree(tmp_path / "state", tmp_path / "then", ignore=shutil.ignore_patterns("*.lease-*"))
            raise jw.NotSentError("here it dies")
        answer = await send(request, *options)
        if request.name == POST:
            shutil.copytree(tmp_path / "state", tmp_path / "then", ignore=shutil.ignore_patterns("*.lease-*"))
        return answer

    client.aio._connection.http.send = the_disk_at_that_moment
    plan.apply(progress=False)
    sent = service.requests[POST]
    monkeypatch.setenv("JOBWIDGETS_STATE", str(tmp_path / "then"))
    with jw.connect(served.graphql_url, rest_url=served.rest_url, token=service.token) as other:
        receipt = other.receipt(plan.op)
        assert receipt.counts == {"unknown": 3}
        receipt.resolve()
        service.clock.advance("5min")
        receipt.resume(progress=False)
        became = "done" if when == "after it was done" else "not_sent"
        assert world.outcomes(receipt) == dict.fromkeys(ids, became)
    assert service.requests[POST] == sent


# ------------------------------------------------------------------------ on paper


def test_a_range_plan_on_paper_is_applied_as_a_whole(service, world, tmp_path):
    ids = world.waiting(3)
    plan = world.plan(reason="a bad import")
    path = plan.save(tmp_path / "range.yaml")
    assert "decides over everything in the range" in path.read_text()
    loaded = jw.load_plan(path)
    assert (loaded.span, loaded.counts) == (plan.span, plan.counts)
    receipt = loaded.apply(progress=False)
    assert world.outcomes(receipt) == dict.fromkeys(ids, "done")
    assert plan.apply(progress=False).op == receipt.op
    assert service.requests[POST] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: "\n".join(line for line in t.splitlines() if not line.startswith("- {")) + "\n", "were taken out"),
        (lambda t: t.replace("action: cancel}", "action: skip}", 1), "were taken out, or changed"),
        (lambda t: t.replace("range: {", "# range: {"), "a range does not go with"),
        (lambda t: t.replace("after: ", "before_: "), "range"),
        (lambda t: t.replace('before: "', 'before: "1'), "no time with a zone"),
        (lambda t: t.replace("kind: range", "kind: cancel").replace("op: range", "op: cancel"), "a range does not go"),
    ],
)
def test_a_range_plan_on_paper_cannot_be_edited(client, world, tmp_path, change, said):
    world.waiting(2)
    path = world.plan().save(tmp_path / "range.yaml")
    path.write_text(change(path.read_text()))
    with pytest.raises(jw.UsageError, match=said):
        client.load_plan(path)
    assert world.service.requests[POST] == 0


def test_jobs_that_graphql_does_not_know_are_judged_by_rest(world, edited):
    import msgspec

    ids = world.waiting(2)
    started = world.add("running", ["running"])

    def unknown(body):
        answer = msgspec.json.decode(body)
        return msgspec.json.encode(
            {
                "data": dict.fromkeys(answer["data"]),
                "errors": [{"name": "not_found", "path": [alias]} for alias in answer["data"]],
            }
        )

    edited("job", unknown)
    plan = world.plan()
    assert dict(zip(plan.df.id, plan.df.action, strict=True)) == {**dict.fromkeys(ids, "cancel"), started: "skip"}
    assert plan.reasons == {"tasks_unread": 1}
    assert plan.apply(progress=False).counts == {"done": 2, "skipped": 1}
