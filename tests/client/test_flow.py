"""One call, step by step: what is sent again, what never is, and what is said at the end."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwidgets._errors import (
    AuthError,
    JobError,
    NotFoundError,
    NotSentError,
    RefusedError,
    ServiceError,
    UnknownOutcomeError,
)
from jobwidgets.client._flow import TRIES, Budget, Lost, Reply, Request, Send, exchange

READ = Request("jobs", "POST", "https://x/graphql", b"{}")
WRITE = Request("retryJob", "POST", "https://x/graphql", b"{}", write=True)
GOOD = Reply(200, b'{"data":{}}')
NEVER_SENT = Lost(sent=False, why="refused")
LOST = Lost(sent=True, why="reset")


def named(name, status=200):
    return Reply(status, msgspec.json.encode({"data": None, "errors": [{"message": "m", "name": name}]}))


class Run:
    """Drives the generator with answers, on a clock that only sleeping moves."""

    def __init__(self, request, answers, *, budget=None, deadline=60.0):
        self.sends, self.slept, self.clock = 0, [], 0.0
        steps = exchange(
            request,
            deadline=deadline,
            budget=budget or Budget(),
            now=lambda: self.clock,
            chance=lambda: 0.5,
        )
        answers = iter(answers)
        self.result = self.error = None
        try:
            step = next(steps)
            while True:
                if isinstance(step, Send):
                    self.sends += 1
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
    [LOST, Lost(sent=True, why="slow", timed_out=True), *(Reply(code, b"") for code in (500, 502, 503, 504, 408))],
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
    budget, sends, calls = Budget(), 0, 1000
    for _ in range(calls):
        sends += Run(READ, [LOST] * TRIES, budget=budget).sends
    assert sends <= calls + 100


def test_success_fills_the_budget_again():
    budget = Budget(left=5.0)
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
        nothing_done = (isinstance(answer, Lost) and not answer.sent) or (
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
