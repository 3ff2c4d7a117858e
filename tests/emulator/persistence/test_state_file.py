"""The state file: a world that goes on in another process as if nothing had been, and a file that nothing ruins."""

import json
import random
import shutil
import signal
import subprocess
import sys
import zlib
from datetime import UTC, datetime

import pytest
from msgspec.msgpack import encode

from jobwidgets.emulator import EmulatorOptions, Service, StateError, serve
from jobwidgets.emulator.persistence.autosave import remember

START = datetime(2024, 3, 7, 13, 20, tzinfo=UTC)
COMMAND = [sys.executable, "-m", "jobwidgets.emulator", "--port", "0", "--speed", "0", "--json"]
LIST = "{ jobs(limit: 1000) { records { id name status modifiedDateTime tasks { records { id status payload } } } } }"
ENGINE = '{ engine(id: "strange") { id } }'  # an error, and with it a drawn error id


def whole(service):
    """Return everything that decides how a world goes on."""
    service.world.sync()
    return encode(remember(service.world))


def busy_hours(service, api, seed):
    """Do a bit of everything, and let hours pass."""
    chance = random.Random(seed)
    for _ in range(4):
        service.clock.advance(f"{chance.randrange(1, 400)}min")
        service.clock.advance(3601 - service.clock.ms() // 1000 % 3600)  # the arrivals of the hour are planned
        jobs = [job["id"] for job in api.gql(LIST).data["jobs"]["records"]]
        for job in chance.sample(jobs, 12):
            api.gql("mutation($id: ID!) { cancelJob(id: $id) { id } }", {"id": job})
            api.gql("mutation($id: ID!) { retryJob(id: $id) { id } }", {"id": job})
        task = {"engineId": "PageReader OCR", "payload": {"deep": [1, {"große": 2**70}], "none": None}}
        api.gql(
            "mutation($input: CreateJob) { createJob(input: $input) { id } }",
            {"input": {"targetId": "77", "tasks": [task, task], "jobConfig": {"a": [1.5]}}},
        )
        api.post("/proc/jobs/cancel", {"scheduledJobID": service.add_schedule(every="20min", name="Ä")})
        service.add_schedule(every="20min", is_public=True)
        service.add_job("odd_word", created=START, name="placed")
        service.add_job("running")
        service.remove_job(chance.choice(jobs))
        for _ in range(3):
            api.post("/proc/jobs/cancel", {"jobID": service.a_cancellable_job()})
    return api.gql(LIST).body, api.gql(ENGINE).body


@pytest.mark.parametrize("seed", range(3))
def test_a_world_read_back_goes_on_exactly_as_it_would_have(seed, tmp_path, make_api):
    def choices():
        return EmulatorOptions(cancel_delay=900, cancel_race=0.2, retry_allowed="failed_only")

    options = {"jobs": 150, "seed": seed, "speed": 0, "start": START, "token": "t"}
    one, two = Service(**options, choices=choices()), Service(**options, choices=choices(), state=tmp_path / "world")
    with serve(one) as running:
        api = make_api(running.graphql_url, running.rest_url, "t")
        first = busy_hours(one, api, seed)
        then = busy_hours(one, api, seed + 50)
    with two, serve(two) as running:
        assert busy_hours(two, make_api(running.graphql_url, running.rest_url, "t"), seed) == first
        closed = whole(two)
    with Service(speed=0, token="t", state=tmp_path / "world") as again:
        assert whole(again) == closed
        assert again.notes == []
        to_come = {action for _, _, action, _ in remember(again.world).life.to_come}
        assert to_come >= {"accept", "arrive", "cancel", "finish", "launch", "tide"}
        with serve(again) as running:
            assert busy_hours(again, make_api(running.graphql_url, running.rest_url, "t"), seed + 50) == then
        assert again.ledger == one.ledger
        assert again.choices == one.choices
        assert whole(again) == whole(one)


def test_the_clock_stands_while_nobody_serves_the_world(tmp_path):
    with Service(jobs=20, speed=0, start=START, state=tmp_path / "world") as service:
        service.clock.advance(1.2345678)
        exact = service.clock.exact()
    with Service(speed=0, state=tmp_path / "world") as service:
        assert service.clock.exact() == exact
    with Service(speed=3600, state=tmp_path / "world") as service:
        assert service.clock.exact() > exact


def test_what_was_asked_for_and_is_not_so_is_said(tmp_path):
    with Service(jobs=20, seed=4, start=START, choices=EmulatorOptions(rate_limit=9), state=tmp_path / "world"):
        pass
    with Service(
        jobs=20, seed=4, start=START, choices=EmulatorOptions(rate_limit=9), state=tmp_path / "world"
    ) as service:
        assert service.notes == []
    with Service(jobs=30, seed=5, choices=EmulatorOptions(ties="stable"), state=tmp_path / "world") as service:
        seed, jobs, limit, ties = service.notes
        assert "seed 4" in seed
        assert "not with 5" in seed
        assert "jobs 20" in jobs
        assert "rate_limit was 9 there and is None" in limit
        assert "ties was 'shuffled' there and is 'stable'" in ties
        assert len([row for row in service.world.store.timeline[0] if not service.world.store.app[row]]) == 20
        assert service.choices == EmulatorOptions(ties="stable")
    with Service(state=tmp_path / "world") as service:
        assert service.notes == []
        assert service.choices == EmulatorOptions(ties="stable")


def test_no_token_is_in_the_file_and_the_next_run_has_its_own(tmp_path):
    path = tmp_path / "world"
    with Service(jobs=20, token="a-token-of-mine", state=path) as service:
        session = service.access.login(*service.user)
        assert service.access.caller(f"Bearer {session}") is not None
        tokens = [session, *service.tokens.values()]
    raw = path.read_bytes()
    plain = zlib.decompress(raw.partition(b"\n")[2])
    for token in tokens:
        assert token.encode() not in raw + plain
    with Service(state=path) as service:
        assert service.user[1] not in plain.decode("latin-1")
        assert all(service.access.caller(f"Bearer {token}") is None for token in tokens)
    with Service(state=path, token="a-token-of-mine") as service:
        assert service.access.caller("Bearer a-token-of-mine") is not None


@pytest.fixture
def kept(tmp_path):
    """Give a file that keeps a small world."""
    with Service(jobs=10, speed=0, start=START, state=tmp_path / "world"):
        pass
    return tmp_path / "world"


def refused(path):
    """Return what is said of a file that cannot be used, and hold that nothing was done to it."""
    before = path.read_bytes()
    with pytest.raises(StateError) as caught:
        Service(state=path)
    assert path.read_bytes() == before
    assert [other.name for other in path.parent.iterdir()] == [path.name]
    assert str(path) in str(caught.value)
    assert "name another file" in str(caught.value)
    return str(caught.value)


def test_a_damaged_file_is_refused_wherever_the_damage_is(kept):
    sound = kept.read_bytes()
    chance = random.Random(0)
    for place in [*range(100), *(chance.randrange(len(sound)) for _ in range(60)), len(sound) - 1]:
        kept.write_bytes(sound[:place] + bytes([sound[place] ^ 1 << chance.randrange(8)]) + sound[place + 1 :])
        refused(kept)
    for length in [*range(0, 90, 7), *(chance.randrange(len(sound)) for _ in range(20)), len(sound) - 1]:
        kept.write_bytes(sound[:length])
        refused(kept)
    kept.write_bytes(sound + b"x")
    assert "damaged" in refused(kept)
    kept.write_bytes(sound)
    Service(state=kept).close()


@pytest.mark.parametrize("foreign", [b"", b"\n", b"SQLite format 3\0", b"{}\n", b"jobwidgets-world", b"jobwidgets\n1"])
def test_a_foreign_file_is_refused(tmp_path, foreign):
    path = tmp_path / "notes.txt"
    path.write_bytes(foreign)
    assert "no state file" in refused(path)


def test_a_file_of_a_later_version_is_refused(kept):
    kept.write_bytes(kept.read_bytes().replace(b"jobwidgets-world 1 ", b"jobwidgets-world 2 ", 1))
    assert "update jobwidgets" in refused(kept)


def test_a_file_with_choices_that_are_not_known_here_is_refused(kept, monkeypatch):
    monkeypatch.setattr("jobwidgets.emulator.persistence.state_file.EmulatorOptions", lambda *, ties: ties)
    assert "update jobwidgets" in refused(kept)


def test_a_file_with_other_engines_is_refused(kept, monkeypatch):
    monkeypatch.setattr("jobwidgets.emulator.persistence.state_file.catalogue", lambda: 1)
    assert "other engines" in refused(kept)


def test_a_place_where_nothing_can_be_kept_is_said(tmp_path):
    for path in (tmp_path, tmp_path / "missing" / "world"):
        with pytest.raises(StateError, match="name another file"):
            Service(state=path)


def test_two_services_on_one_file_are_refused(tmp_path):
    path = tmp_path / "world"
    with Service(jobs=10, state=path):
        (tmp_path / "link").symlink_to(path)
        for other in (path, tmp_path / "link"):
            with pytest.raises(StateError, match="in use by another service"):
                Service(state=other)
            done = subprocess.run([*COMMAND, "--state", str(other)], capture_output=True, text=True, check=False)
            assert done.returncode == 1
            assert done.stderr.count("\n") == 1
            assert "in use by another service" in done.stderr
    with Service(state=tmp_path / "link"):
        pass
    assert (tmp_path / "link").is_symlink()


def test_a_service_that_could_not_open_its_world_leaves_the_file_to_others(kept):
    sound = kept.read_bytes()
    kept.write_bytes(b"?")
    refused(kept)
    kept.write_bytes(sound)
    with Service(state=kept):
        pass


def test_a_file_that_someone_else_put_there_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "world"
    service = Service(jobs=10, speed=0, state=path)
    service.save()
    path.write_bytes(b"precious")
    service.add_job()
    with pytest.raises(StateError, match="someone else"):
        service.save()
    assert path.read_bytes() == b"precious"
    path.unlink()
    service.close()
    with Service(state=path) as again:
        assert len(again.world.store.ids) == len(service.world.store.ids)


def test_a_save_that_fails_is_said_and_the_next_one_may_go_well(tmp_path, caplog):
    folder = tmp_path / "folder"
    folder.mkdir()
    service = Service(jobs=10, state=folder / "world")
    with serve(service, save_every=0.01):
        while not (folder / "world").exists():
            pass
        shutil.rmtree(folder)
        while "could not be saved" not in caplog.text:
            pass
        with pytest.raises(FileNotFoundError):
            service.save()
        folder.mkdir()
        while not (folder / "world").exists():
            pass
    service.close()
    with Service(state=folder / "world") as again:
        assert len(again.world.store.ids) == len(service.world.store.ids)


def test_nothing_is_written_where_nothing_has_happened(kept):
    with Service(speed=0, state=kept) as service:
        before = kept.stat().st_mtime_ns, kept.stat().st_ino
        service.save()
        assert (kept.stat().st_mtime_ns, kept.stat().st_ino) == before
        service.add_job()
        service.save()
        assert kept.stat().st_ino != before[1]


def test_a_world_is_saved_from_time_to_time_while_it_is_served(tmp_path, make_api):
    path = tmp_path / "world"
    with Service(jobs=10, token="t", state=path) as service, serve(service, save_every=0.01) as running:
        api = make_api(running.graphql_url, running.rest_url, "t")
        job = service.a_pending_job()
        api.gql("mutation($id: ID!) { retryJob(id: $id) { id } }", {"id": job})
        copy = tmp_path / "copy"
        while True:
            if path.exists():
                shutil.copy(path, copy)
                with Service(state=copy) as other:
                    if other.ledger:
                        break
        assert other.ledger == service.ledger


CHILD = """
import sys
from jobwidgets.emulator import Service
service = Service(jobs=30, speed=0, state=sys.argv[1])
while True:
    service.add_job("pending", name="x" * 2000)
    service.save()
    print(len(service.world.store.ids), flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_that_was_saved(tmp_path):
    path, chance, saved = tmp_path / "world", random.Random(1), 0
    for _ in range(12):
        with subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True) as child:
            for _ in range(chance.randrange(1, 40)):
                saved = int(child.stdout.readline())
            child.kill()
            rest = child.stdout.read().split()
        saved = int(rest[-1]) if rest and rest[-1].isdigit() else saved
        with Service(speed=0, state=path) as service:
            assert saved <= len(service.world.store.ids) <= saved + 1


def begin(*options):
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())


def end(process):
    process.send_signal(signal.SIGTERM)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    return complaints


def test_a_process_goes_on_where_the_last_one_stopped(tmp_path, make_api):
    path = str(tmp_path / "world")
    process, told = begin("--state", path, "--jobs", "30", "--seed", "6", "--token", "mine")
    api = make_api(told["graphql"], told["rest"], "mine")
    job = api.gql("{ jobs(status: [pending, queued], limit: 1) { records { id } } }").data["jobs"]["records"][0]["id"]
    new = api.gql("mutation($id: ID!) { retryJob(id: $id) { id } }", {"id": job}).data["retryJob"]["id"]
    assert end(process) == ""
    process, told = begin("--state", path, "--seed", "7")
    api = make_api(told["graphql"], told["rest"], told["token"])
    assert told["token"] != "mine"
    assert api.both(new) == ("pending", "pending")
    complaints = end(process)
    assert complaints.count("\n") == 1
    assert "seed 6" in complaints


def test_a_process_that_cannot_save_at_its_end_says_so(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    process, _ = begin("--state", str(folder / "world"), "--jobs", "10")
    while not (folder / "world").exists():
        pass
    (folder / "world").write_bytes(b"precious")
    process.send_signal(signal.SIGTERM)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "someone else" in complaints
    assert (folder / "world").read_bytes() == b"precious"
