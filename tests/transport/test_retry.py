"""One call, step by step: what is sent again, what never is, and what is said at the end."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwidgets.errors import (
    AuthError,
    JobError,
    NotFoundError,
    NotSentError,
    RefusedError,
    ServiceError,
    UnknownOutcomeError,
)
from jobwidgets.transport.messages import Envelope, GraphError, Reply, Request, TransportFailure
from jobwidgets.transport.retry import (
    RATE_LIMITED_TAG,
    TRIES,
    RetryBudget,
    SendEffect,
    graph_error,
    graph_errors,
    send_with_retries,
)

READ = Request("jobs", "POST", "https://x/graphql", b"{}")
WRITE = Request("retryJob", "POST", "https://x/graphql", b"{}", write=True)
REST_READ = Request("job_state", "GET", "https://x/jobs/A", rest=True)
REST_WRITE = Request("cancel", "POST", "https://x/jobs/A/cancel", rest=True, write=True)
GOOD = Reply(200, b'{"data":{}}')
NEVER_SENT = TransportFailure(sent=False, why="refused")
LOST = TransportFailure(sent=True, why="reset")
SLOW = TransportFailure(sent=True, why="slow", timed_out=True)


def named(name, status=200):
    return Reply(status, msgspec.json.encode({"data": None, "errors": [{"message": "m", "name": name}]}))


class Run:
    """Drives the generator with answers, on a clock that only sleeping moves."""

    def __init__(self, request, answers, *, budget=None, deadline=60.0):
        self.sends, self.timeouts, self.slept, self.clock = 0, [], [], 0.0
        steps = send_with_retries(
            request,
            deadline=deadline,
            budget=budget or RetryBudget(),
            now=lambda: self.clock,
            chance=lambda: 0.5,
        )
        answers = iter(answers)
        self.result = self.error = None
        try:
            step = next(steps)
            while True:
                if isinstance(step, SendEffect):
                    self.sends += 1
                    self.timeouts.append(step.timeout)
                    step = steps.send(next(answers))
                else:
                    self.slept.append(step.seconds)
                    self.clock += step.seconds
                    step = steps.send(None)
        except StopIteration as end:
            self.result = end.value
        except JobError as error:
            self.error = error


@pytest.mark.parametrize("request_", [READ, WRITE])
def test_what_was_never_sent_is_tried_again(request_):
    run = Run(request_, [NEVER_SENT, NEVER_SENT, GOOD])
    assert run.result is GOOD
    assert run.sends == 3


@pytest.mark.parametrize("request_", [READ, WRITE])
def test_what_never_reaches_the_service_says_so(request_):
    run = Run(request_, [NEVER_SENT] * TRIES)
    assert isinstance(run.error, NotSentError)
    assert run.sends == TRIES


@pytest.mark.parametrize(
    "answer",
    [
        LOST,
        TransportFailure(sent=True, why="slow", timed_out=True),
        *(Reply(code, b"") for code in (500, 502, 503, 504, 408)),
    ],
)
def test_a_write_in_doubt_is_never_sent_again(answer):
    run = Run(WRITE, [answer, GOOD])
    assert run.sends == 1
    assert isinstance(run.error, UnknownOutcomeError)
    assert Run(READ, [answer, GOOD]).result is GOOD


def test_a_garbled_answer_leaves_a_write_unknown_and_a_read_tried_again():
    for body in (b"<html>", b"", b"[1]", b'{"data":'):
        assert isinstance(Run(WRITE, [Reply(200, body)]).error, UnknownOutcomeError)
        assert Run(READ, [Reply(200, body), GOOD]).result is GOOD


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("request_", [READ, WRITE])
def test_retry_after_is_waited_for_to_the_second(request_, status):
    run = Run(request_, [Reply(status, b"", retry_after=7.0), GOOD])
    assert run.result is GOOD
    assert run.slept == [7.0]


def test_a_wait_beyond_the_deadline_is_not_begun_and_is_named():
    run = Run(WRITE, [Reply(429, b"", retry_after=100.0)], deadline=60)
    assert isinstance(run.error, NotSentError)
    assert "100 s" in str(run.error)
    assert run.slept == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AuthError), (403, AuthError), (404, NotFoundError), (400, RefusedError), (413, RefusedError),
     (405, RefusedError), (501, RefusedError), (302, RefusedError)],
)  # fmt: skip
@pytest.mark.parametrize("request_", [READ, WRITE])
def test_a_refusal_by_status_comes_before_the_body(request_, status, kind):
    run = Run(request_, [Reply(status, b'{"data":{"cancelJob":{"id":"A"}}}')])
    assert type(run.error) is kind
    assert run.sends == 1


@pytest.mark.parametrize("name", ["rate_limited", "service_unavailable", "service_failure", "internal_error"])
def test_errors_that_pass_are_worth_a_read_again_but_no_write(name):
    assert Run(READ, [named(name), GOOD]).result is GOOD
    write = Run(WRITE, [named(name), GOOD])
    assert write.sends == 1


@pytest.mark.parametrize("name", ["capacity_exceeded", "not_found", "invalid_input", "a_new_word"])
def test_other_errors_are_the_callers_to_read(name):
    run = Run(READ, [named(name)])
    assert run.result is not None
    assert run.sends == 1


def test_an_outage_never_becomes_a_storm():
    budget, sends, calls = RetryBudget(), 0, 1000
    for _ in range(calls):
        sends += Run(READ, [LOST] * TRIES, budget=budget).sends
    assert sends <= calls + 100


def test_success_fills_the_budget_again():
    budget = RetryBudget(left=5.0)
    assert Run(READ, [LOST, GOOD], budget=budget).result is GOOD
    assert budget.left == 5.0
    Run(READ, [GOOD], budget=budget)
    assert budget.left == 6.0


answers = st.one_of(
    st.just(GOOD),
    st.just(LOST),
    st.just(NEVER_SENT),
    st.builds(Reply, status=st.integers(200, 599), body=st.sampled_from([b"", b"{}", b'{"errors":[{}]}', b"\xff"]),
              retry_after=st.none() | st.floats(0, 100)),
)  # fmt: skip


@given(st.lists(answers, min_size=TRIES, max_size=TRIES))
def test_a_write_goes_on_only_after_what_certainly_did_nothing(replies):
    run = Run(WRITE, replies)
    for answer in replies[: run.sends - 1]:
        nothing_done = (isinstance(answer, TransportFailure) and not answer.sent) or (
            isinstance(answer, Reply) and (answer.status == 429 or answer.retry_after is not None)
        )
        assert nothing_done
    assert (run.result is None) != (run.error is None)


@given(st.lists(answers, min_size=TRIES, max_size=TRIES))
def test_only_our_errors_come_out_of_a_read(replies):
    run = Run(READ, replies)
    assert run.result is not None or isinstance(run.error, JobError)
    if isinstance(run.error, UnknownOutcomeError):
        pytest.fail("a read changes nothing, so nothing is in doubt")


def test_an_unreachable_service_is_no_service_error_but_not_sent():
    assert not isinstance(Run(READ, [NEVER_SENT] * TRIES).error, ServiceError)


# ------------------------------------------------------------------ time and budget


def test_pauses_double_and_each_try_has_what_is_left_of_the_time():
    run = Run(READ, [LOST] * TRIES, deadline=10.0)
    assert run.slept == pytest.approx([0.2, 0.4, 0.8])
    assert run.timeouts == pytest.approx([10.0, 9.8, 9.4, 8.6])


def test_no_try_has_less_than_no_time():
    assert Run(READ, [LOST], deadline=-1.0).timeouts == [0.0]


@pytest.mark.parametrize(("wait", "sends"), [(8.9, 2), (9.0, 1)])
def test_a_wait_must_end_a_second_before_the_deadline(wait, sends):
    run = Run(READ, [Reply(429, b"", retry_after=wait), GOOD], deadline=10.0)
    assert run.sends == sends
    assert run.slept == [wait] * (sends - 1)


@pytest.mark.parametrize(("said", "pause"), [(None, 0.2), (0.0, 0.05), (0.5, 0.5)])
def test_a_busy_service_is_never_asked_again_at_once(said, pause):
    assert Run(WRITE, [Reply(429, b"", retry_after=said), GOOD]).slept == pytest.approx([pause])


@pytest.mark.parametrize(("answer", "cost"), [(LOST, 5), (SLOW, 10), (Reply(500, b""), 5), (NEVER_SENT, 5)])
def test_each_further_try_costs_and_what_came_to_nothing_costs_twice(answer, cost):
    budget = RetryBudget()
    Run(READ, [answer] * TRIES, budget=budget)
    assert budget.left == 500 - 3 * cost  # the first try is free
    enough, short = RetryBudget(left=float(cost)), RetryBudget(left=cost - 0.1)
    assert Run(READ, [answer, GOOD], budget=enough).result is GOOD
    assert Run(READ, [answer, GOOD], budget=short).sends == 1


def test_a_success_gives_back_what_its_tries_took_and_no_more_than_there_was():
    budget = RetryBudget()
    Run(READ, [LOST, SLOW, GOOD], budget=budget)
    assert budget.left == 500
    Run(READ, [GOOD], budget=budget)
    assert budget.left == budget.size == 500


# ------------------------------------------------------------------ what is said at the end


@pytest.mark.parametrize("request_", [READ, WRITE])
@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_stays_busy_is_told_from_one_that_is_away(request_, status):
    busy = Run(request_, [Reply(status, b"", retry_after=1.0)] * TRIES).error
    assert busy.name == RATE_LIMITED_TAG
    assert type(busy) is (NotSentError if request_ is WRITE else ServiceError)
    assert "asks to wait 1 s" in busy.hint
    away = Run(request_, [NEVER_SENT] * TRIES).error
    assert away.name == ""
    assert "asks to wait" not in away.hint


def test_a_503_without_a_time_is_doubt_for_a_write_and_no_word_of_waiting():
    assert isinstance(Run(WRITE, [Reply(503, b"")]).error, UnknownOutcomeError)
    error = Run(READ, [Reply(503, b"")] * TRIES).error
    assert type(error) is ServiceError
    assert error.name == ""


def test_how_often_it_was_tried_is_said():
    assert "tried 4 times: refused" in str(Run(READ, [NEVER_SENT] * TRIES).error)
    assert "tried once: refused" in str(Run(READ, [NEVER_SENT], deadline=0.0).error)
    assert "answered HTTP 502" in str(Run(READ, [Reply(502, b"")] * TRIES).error)
    assert "answered internal_error" in str(Run(READ, [named("internal_error")] * TRIES).error)
    assert "not GraphQL" in str(Run(READ, [Reply(200, b"<html>")] * TRIES).error)


@pytest.mark.parametrize("request_", [READ, WRITE, REST_READ, REST_WRITE])
def test_a_token_that_is_out_and_a_right_that_is_missing_need_other_help(request_):
    assert "get a new token" in Run(request_, [Reply(401, b"")]).error.hint
    assert "ask for the right" in Run(request_, [Reply(403, b"")]).error.hint


def test_what_moved_is_not_followed_and_is_named():
    assert Run(WRITE, [Reply(302, b"")]).error.name == "moved"
    assert Run(WRITE, [Reply(299, GOOD.body)]).result is not None
    assert Run(WRITE, [Reply(300, b"")]).error.name == "moved"
    assert Run(WRITE, [Reply(399, b"")]).error.name == "moved"
    assert Run(WRITE, [Reply(400, b"")]).error.name == ""


# ------------------------------------------------------------------ what stands in a body

NAMES = {
    "not_found": NotFoundError,
    "authentication_error": AuthError,
    "not_allowed": RefusedError,
    "invalid_input": RefusedError,
    "rate_limited": RefusedError,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("request_", [READ, WRITE])
def test_an_error_that_says_nothing_was_done_is_a_refusal_by_that_name(request_, name):
    error = Run(request_, [named(name, status=400)]).error
    assert (type(error), error.name) == (NAMES[name], name)
    assert error.message == f"{request_.name}: m"
    assert error.hint


def test_another_error_with_a_refusing_status_is_the_reads_own_and_the_writes_refusal():
    read = Run(READ, [named("a_new_word", status=422)]).error
    assert (type(read), read.name) == (ServiceError, "a_new_word")
    write = Run(WRITE, [named("a_new_word", status=422)]).error
    assert (type(write), write.name) == (RefusedError, "")
    assert "HTTP 422: m" in write.message


def test_an_error_without_name_and_words_is_still_one():
    error = graph_error(GraphError(), "jobs")
    assert (type(error), error.name, error.message) == (ServiceError, "", "jobs: an error without a message")


@pytest.mark.parametrize(
    ("errors", "sends"),
    [
        ([{"name": "internal_error"}], 2),
        ([{"name": "internal_error", "path": ["jobs"]}], 2),
        ([{"name": "internal_error", "path": ["jobs", "records"]}], 1),  # the rest of the answer came
        ([{"name": "internal_error"}, {"name": "not_found"}], 1),
        ([{"name": "internal_error"}, {"name": "service_failure"}], 2),
        ([{"name": "rate_limited"}, {"name": "capacity_exceeded"}], 1),
        ([{}], 1),
        ([], 1),
    ],
)
def test_a_read_is_tried_again_only_for_errors_that_all_pass_and_leave_nothing(errors, sends):
    body = msgspec.json.encode({"data": None, "errors": errors})
    assert Run(READ, [Reply(200, body), GOOD]).sends == sends
    assert Run(WRITE, [Reply(200, body), GOOD]).sends == 1


def test_deep_nesting_is_garbage_and_no_crash():
    deep = b'{"errors":' + b"[" * 200_000
    assert Run(READ, [Reply(200, deep), GOOD]).result is GOOD
    assert isinstance(Run(WRITE, [Reply(200, deep)]).error, UnknownOutcomeError)
    assert isinstance(Run(REST_READ, [Reply(400, deep)]).error, RefusedError)
    assert graph_errors(deep) == []


def test_an_answer_of_ai_processing_needs_to_be_json_for_a_read_and_is_the_callers_for_a_write():
    page = Reply(200, b"<html>")
    assert Run(REST_READ, [page, Reply(200, b"[1]")]).result.body == b"[1]"
    assert Run(REST_READ, [page] * TRIES).sends == TRIES
    assert Run(REST_WRITE, [page]).result is page
    errors = Reply(200, b'{"errors":[{"name":"internal_error"}]}')
    assert Run(REST_READ, [errors]).result is errors


@pytest.mark.parametrize(
    ("body", "words"),
    [(b'{"description":"no such job"}', ": no such job"), (b'{"detail":"gone","description":"x"}', ": gone"),
     (b"{}", ""), (b"<html>", ""), (b"[]", "")],
)  # fmt: skip
def test_the_words_of_ai_processing_are_passed_on(body, words):
    assert Run(REST_WRITE, [Reply(409, body)]).error.message.endswith(f"(HTTP 409{words})")
    missing = Run(REST_READ, [Reply(404, body)]).error
    assert missing.message == f"not found: job_state{words}"
    assert "yours" in missing.hint
    assert "address" in Run(READ, [Reply(404, body)]).error.hint


def test_the_words_of_the_first_error_are_passed_on():
    assert "(HTTP 401: m)" in Run(READ, [named("authentication_error", status=401)]).error.message


@pytest.mark.parametrize(
    ("data", "found"), [(None, None), ({}, None), ({"objectId": "A"}, "A"), ({"objectId": 7}, None)]
)
def test_an_error_may_name_its_object(data, found):
    assert GraphError(data=data).object_id == found


def test_an_answer_has_data_when_it_is_not_null():
    decode = msgspec.json.Decoder(Envelope).decode
    assert [decode(body).has_data for body in (b"{}", b'{"data":null}', b'{"data":{}}')] == [False, False, True]


@pytest.mark.parametrize("answer", [named("internal_error"), Reply(200, b"<html>"), Reply(500, b""), LOST])
def test_whatever_goes_wrong_the_first_pause_is_our_own(answer):
    assert Run(READ, [answer, GOOD]).slept == pytest.approx([0.2])
