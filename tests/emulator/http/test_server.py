"""The service as a thread, as a process, and in process; and what importing it brings."""

import ast
import asyncio
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

import jobwidgets.emulator
from jobwidgets.emulator import EmulatorOptions, Service, serve

ROOM = Path(jobwidgets.emulator.__file__).parent
COMMAND = [sys.executable, "-m", "jobwidgets.emulator", "--port", "0", "--jobs", "20", "--speed", "0"]
QUERY = """{ jobs(limit: 100) { count records {
  id name status createdDateTime tasks(limit: 100) { records { id status payload } } } } }"""


def test_it_imports_nothing_of_the_rest_of_the_package():
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, path
                names = [] if node.level else [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                root = name.partition(".")[0]
                theirs = root in sys.stdlib_module_names | {"graphql", "msgspec", "uvicorn"}
                assert theirs or name.startswith("jobwidgets.emulator"), (path, name)


def test_importing_it_imports_no_server_and_no_client():
    code = "import sys, jobwidgets.emulator; print(*sorted({'uvicorn', 'httpx', 'pandas', 'gql'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_in_process_and_over_sockets_the_answers_are_the_same(make_api):
    start = datetime(2024, 3, 7, 13, 20, tzinfo=UTC)
    over_sockets, in_process = (
        Service(jobs=60, seed=2, speed=0, start=start, token="t", choices=EmulatorOptions(ties="stable"))
        for _ in range(2)
    )
    job = over_sockets.a_pending_job()
    assert job == in_process.a_pending_job()
    requests = [
        ("/v3/graphql", {"query": QUERY}),
        ("/v3/graphql", {"query": f'mutation {{ cancelJob(id: "{job}") {{ id message }} }}'}),
        (
            "/v3/graphql",
            {"query": f'mutation {{ a: cancelJob(id: "{job}") {{ id }} b: retryJob(id: "{job}") {{ id }} }}'},
        ),
        ("/v3/graphql", {"query": "{ nothing }"}),
        ("/edge/v1/proc/jobs/cancel", {"jobID": "strange"}),
        ("/edge/v1/proc/jobs/cancel", {"scheduledJobID": "123456"}),
    ]

    async def inside():
        transport = httpx.ASGITransport(in_process.app)
        headers = {"Authorization": "Bearer t", "Accept-Encoding": "identity"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
            return [await client.post(path, json=body) for path, body in requests]

    with serve(over_sockets) as running:
        api = make_api(running.graphql_url, running.rest_url, "t")
        root = running.graphql_url.removesuffix("/v3/graphql")
        for (path, body), theirs in zip(requests, asyncio.run(inside()), strict=True):
            ours = api.send("POST", root + path, body)
            assert (ours.status, ours.body) == (theirs.status_code, theirs.content)
            assert ours.headers["Date"] == theirs.headers["date"]
    assert over_sockets.ledger == in_process.ledger


def test_in_process_a_lost_answer_is_a_broken_connection():
    service = Service(jobs=0, speed=0)
    service.faults.lose_answer()

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url="http://localhost") as client:
            await client.post("/v3/graphql", json={"query": "{ me { id } }"})

    with pytest.raises(ConnectionAbortedError):
        asyncio.run(ask())


def test_the_application_answers_the_messages_of_its_life():
    service, sent = Service(jobs=0), []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(service.app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_process_says_where_it_is_in_words_with_a_line_to_try():
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        text = "".join(process.stdout.readline() for _ in range(7))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert "GraphQL  http://127.0.0.1:" in text
    assert "REST     http://127.0.0.1:" in text
    assert "curl -s" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_ends_cleanly_when_told_to(number):
    with subprocess.Popen([*COMMAND, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert set(json.loads(process.stdout.readline())) == {"graphql", "rest", "token"}
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_an_owned_process_is_gone_when_its_owner_goes():
    command = [*COMMAND, "--json", "--owned"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == 0


def test_an_owned_process_is_gone_when_its_owner_is_killed():
    command = [*COMMAND, "--json", "--owned"]
    code = f"import subprocess, time; p = subprocess.Popen({command!r}, stdin=subprocess.PIPE); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        urls = json.loads(owner.stdout.readline())
        owner.kill()
        owner.wait(10)
        owner.stdout.read()  # ends when the service, which shares it, has ended
    with pytest.raises(httpx.ConnectError):
        httpx.get(urls["graphql"])


@pytest.mark.parametrize("wrong", [["--jobs", "-1"], ["--speed", "-1"], ["--speed", "nan"]])
def test_a_senseless_number_is_said_in_one_line(wrong):
    done = subprocess.run([*COMMAND, *wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_said_in_one_line(running):
    command = [sys.executable, "-m", "jobwidgets.emulator", "--port", str(running.port), "--jobs", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(running.port) in done.stderr
