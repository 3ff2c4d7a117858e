"""The bytes, against servers that misbehave on a real socket."""

import asyncio
import contextlib
import gzip
import socket
import threading
import time
import warnings
from functools import partial

import pytest

import jobwidgets as jw
from jobwidgets._internal.secret import Secret
from jobwidgets.transport import http as _wire
from jobwidgets.transport.http import HttpTransport
from jobwidgets.transport.messages import Reply, Request, TransportFailure


class RawServer:
    """Answers each connection by a function of the socket, on a thread each."""

    def __init__(self, answer):
        self.answer, self.requests = answer, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/v3/graphql"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            connection.recv(65536)
            self.requests += 1
            self.answer(connection)

    def close(self):
        self.socket.close()


@pytest.fixture
def raw():
    servers = []

    def start(answer):
        servers.append(RawServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def http(body, head="", status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def send(url, *, write=False, timeout=5.0, times=1):
    async def main():
        wire = HttpTransport(Secret("t"))
        try:
            return [await wire.send(Request("x", "POST", url, b"{}", write=write), timeout) for _ in range(times)]
        finally:
            await wire.close()

    return asyncio.run(main())[-1]


def test_a_complete_answer_is_a_reply_with_its_date_and_retry_after(raw):
    head = "Date: Tue, 01 Mar 2022 10:00:00 GMT\r\nRetry-After: Tue, 01 Mar 2022 10:00:30 GMT\r\n"
    answer = send(raw(lambda c: c.sendall(http(b"{}", head))).url)
    assert (answer.status, answer.body, answer.retry_after) == (200, b"{}", 30.0)
    assert answer.date.year == 2022


def test_gzip_is_understood_and_bad_gzip_is_a_lost_answer(raw):
    good = gzip.compress(b"[1]")
    assert send(raw(lambda c: c.sendall(http(good, "Content-Encoding: gzip\r\n"))).url).body == b"[1]"
    lost = send(raw(lambda c: c.sendall(http(b"nonsense", "Content-Encoding: gzip\r\n"))).url)
    assert isinstance(lost, TransportFailure)
    assert lost.sent


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: None,
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        lambda c: c.sendall(b"what?\r\n\r\n"),
        lambda c: c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"),
    ],
    ids=["closed", "cut head", "cut body", "no http", "reset"],
)
def test_whatever_breaks_after_the_request_left_is_in_doubt(raw, answer):
    server = raw(answer)
    lost = send(server.url, write=True)
    assert isinstance(lost, TransportFailure)
    assert lost.sent
    assert server.requests == 1


def test_a_port_where_nobody_listens_is_certainly_not_sent():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    lost = send(f"http://127.0.0.1:{port}/g", write=True)
    assert isinstance(lost, TransportFailure)
    assert not lost.sent
    assert "cannot be reached" in lost.why


def trickle(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(400):
        connection.sendall(b"x")
        time.sleep(0.05)


def trickle_head(connection):
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [trickle, trickle_head, lambda _: time.sleep(8)], ids=["body", "head", "silence"])
def test_a_deadline_holds_however_slowly_an_answer_comes(raw, answer):
    url = raw(answer).url

    async def main():
        wire = HttpTransport(Secret("t"))
        request = Request("x", "POST", url, b"{}")
        async with asyncio.timeout(4):  # far beyond the deadline, far below the trickle
            answers = await asyncio.gather(*(wire.send(request, 0.5) for _ in range(32)))
        await wire.close()
        return answers

    answers = asyncio.run(main())
    assert all(isinstance(answer, TransportFailure) and answer.timed_out and answer.sent for answer in answers)


def test_waiting_for_a_place_counts_as_not_sent(raw, monkeypatch):
    monkeypatch.setattr(_wire, "MAX_CONNECTIONS", 1)
    url = raw(lambda _: time.sleep(3)).url

    async def main():
        wire = HttpTransport(Secret("t"))
        request = Request("x", "POST", url, b"{}", write=True)
        first = asyncio.create_task(wire.send(request, 2))
        await asyncio.sleep(0.1)
        second = await wire.send(request, 0.2)
        answer = await first
        await wire.close()
        return answer, second

    first, second = asyncio.run(main())
    assert first.sent
    assert not second.sent


def test_cancelled_requests_leave_the_wire_usable(raw):
    body = http(b"{}")

    def answer(connection):
        time.sleep(0.02)
        connection.sendall(body)

    url = raw(answer).url

    async def main():
        wire = HttpTransport(Secret("t"))
        request = Request("x", "POST", url, b"{}")
        for _ in range(10):
            tasks = [asyncio.create_task(wire.send(request, 5)) for _ in range(64)]
            await asyncio.sleep(0.005)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        answers = await asyncio.gather(*(wire.send(request, 5) for _ in range(20)))
        await wire.close()
        return answers

    assert all(isinstance(answer, Reply) for answer in asyncio.run(main()))


def test_a_body_beyond_all_reason_is_not_taken(raw, monkeypatch):
    monkeypatch.setattr(_wire, "LARGEST_BODY", 1000)
    assert "more than" in send(raw(lambda c: c.sendall(http(b"x" * 5000))).url).why
    bomb = gzip.compress(b"x" * 100_000)
    assert "more than" in send(raw(lambda c: c.sendall(http(bomb, "Content-Encoding: gzip\r\n"))).url).why


def test_the_token_is_not_carried_to_where_a_service_redirects(raw):
    elsewhere = raw(lambda c: c.sendall(http(b"{}")))
    here = raw(lambda c: c.sendall(http(b"", f"Location: {elsewhere.url}\r\n", "307 Temporary Redirect")))
    with jw.connect(here.url, token="t") as client, pytest.raises(jw.RefusedError, match="moved"):
        client.me()
    assert elsewhere.requests == 0


def test_a_proxy_of_the_environment_never_sees_this_machines_own_service(raw, monkeypatch):
    proxy = raw(lambda c: c.sendall(http(b"{}")))
    here = raw(lambda c: c.sendall(http(b'{"data":{"me":{"id":"1"}}}')))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    with jw.connect(here.url, token="t") as client:
        assert client.me().id == "1"
    assert proxy.requests == 0


@pytest.mark.parametrize(
    "body",
    [b"null", b"[]", b'"x"', b"{}", b'{"data":null}', b'{"data":[]}', b'{"data":{}}', b'{"data":{"jobs":null}}',
     b'{"data":{"jobs":{"records":5}}}', b'{"data":{"jobs":{"records":[{"id":5}]}}}', b'{"errors":[{}]}',
     b'{"data":{"jobs":{"records":[{"id":"1","createdDateTime":"yesterday"}],"count":1}}}',
     b'{"errors":[{"message":"\x1b[31mred","name":"new_word"}]}', b"[" * 100_000,
     b'{"data":{"jobs":{"records":[null]}}}',
     b'{"data":{"jobs":{"records":[{"id":"1","status":"brand_new","tasks":null}]}}}'],
)  # fmt: skip
def test_only_our_errors_come_out_of_a_strange_service(raw, body):
    server = raw(lambda c: c.sendall(http(body)))
    with jw.connect(server.url, token="t", timeout=0.5) as client:
        one = [client.cancel, client.retry, client.job, client.status, client.cancel_scheduled]
        calls = [client.jobs, client.me, client.rights, client.scheduled_jobs, *(partial(call, "a") for call in one)]
        for call in calls:
            with contextlib.suppress(jw.JobError), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*could not be read", category=UserWarning)
                call()


def test_an_unknown_status_survives(raw):
    row = b'{"id":"0012","status":"brand_new","createdDateTime":"2026-01-01T00:00:00Z","tasks":{"records":[]}}'
    body = b'{"data":{"jobs":{"count":1,"records":[' + row + b"]}}}"
    server = raw(lambda c: c.sendall(http(body)))
    with jw.connect(server.url, token="t") as client:
        frame = client.jobs()
    assert frame.id.tolist() == ["0012"]
    assert frame.status.tolist() == ["brand_new"]
    assert frame.why_not.tolist() == ["unknown_status"]
    assert list(frame.status.cat.categories)[-1] == "brand_new"


def test_jobs_that_came_as_null_are_told_and_the_others_kept(raw):
    row = b'{"id":"0012","status":"pending","createdDateTime":"2026-01-01T00:00:00Z","tasks":{"records":[null]}}'
    error = b'{"message":"m","name":"internal_error","path":["jobs","records",1]}'
    body = b'{"data":{"jobs":{"count":2,"records":[' + row + b',null]}},"errors":[' + error + b"]}"
    server = raw(lambda c: c.sendall(http(body)))
    with jw.connect(server.url, token="t") as client, pytest.warns(UserWarning, match="1 jobs of the list could not"):
        frame = client.jobs()
    assert frame.id.tolist() == ["0012"]
    assert frame.attrs["unread"] == 1
    assert frame.why_not.tolist() == ["tasks_unread"]


def test_an_answer_that_repeats_the_token_is_shown_without_it(raw):
    body = b'{"errors":[{"message":"bad header Bearer canary-77aa"}]}'
    server = raw(lambda c: c.sendall(http(body, status="401 Unauthorized")))
    with jw.connect(server.url, token="canary-77aa") as client, pytest.raises(jw.AuthError) as refused:
        client.me()
    assert "bad header" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_a_password_file_of_the_user_is_not_read(raw, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("default login somebody password something")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server = raw(lambda c: c.sendall(http(b'{"data":{"me":{"id":"1"}}}')))
    with jw.connect(server.url, token="canary-77aa") as client:
        assert client.me().id == "1"


def test_a_call_that_is_cancelled_shows_no_frame_that_holds_the_token(raw):
    import traceback

    url = raw(lambda _: time.sleep(3)).url

    async def main():
        wire = HttpTransport(Secret("canary-77aa"))
        try:
            await asyncio.wait_for(wire.send(Request("x", "POST", url, b"{}"), 5), 0.3)
        except TimeoutError as error:
            return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        finally:
            await wire.close()

    shown = asyncio.run(main())
    assert "wait_for" in shown
    assert "canary" not in shown
