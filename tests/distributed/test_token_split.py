"""The token reaches the workers and is nowhere on its way: not in the graph, on the wire, on a page, in a dump."""

import json
import os
import pickle
import threading
from urllib.parse import quote, urljoin
from urllib.request import urlopen

import cloudpickle
import pytest
from bokeh.client import pull_session
from distributed import Client, LocalCluster
from distributed.comm import tcp
from distributed.dashboard.scheduler import applications as on_scheduler
from distributed.dashboard.worker import applications as on_worker

import jobwidgets as jw
from jobwidgets._internal.secret import Secret
from jobwidgets.distributed import partition_loader, read_jobs, worker_clients
from jobwidgets.distributed import token_split as _token
from jobwidgets.emulator import Service

CANARY = "canary-8c1f2e77d0-of-a-token"


@pytest.fixture
def service():
    return Service(jobs=300, seed=1, speed=0, token=CANARY)


@pytest.fixture
def wire(monkeypatch):
    """Record all that passes between the scheduler, the workers and the client, which all meet in this process."""
    passed = []
    out, back = tcp.to_frames, tcp.from_frames

    async def outward(*args, **options):
        frames = await out(*args, **options)
        passed.extend(bytes(frame) for frame in frames)
        return frames

    async def inward(frames, *args, **options):
        whole = [frames] if isinstance(frames, bytes | bytearray | memoryview) else frames
        passed.extend(bytes(frame) for frame in whole)
        return await back(frames, *args, **options)

    monkeypatch.setattr(tcp, "to_frames", outward)
    monkeypatch.setattr(tcp, "from_frames", inward)
    return passed


def forms(text):
    """Give the forms in which a text could be hidden from a plain search."""
    raw = text.encode()
    return [raw, raw[::-1], raw.hex().encode(), json.dumps(list(raw)).encode(), raw.decode().encode("utf-16-le")]


def halves(client):
    half = _token.share_of_token(client)
    return half.noise, _token.other_share_of(half)


def reading_of(frame):
    """Take what goes to the workers out of a frame."""
    return next(each for each in frame.expr.walk() if "kwargs" in type(each)._parameters).kwargs["reading"]


def test_two_halves_make_the_token_and_each_is_nothing_but_noise():
    one, other = Secret(CANARY).split()
    assert Secret.joined(one, other) == Secret(CANARY)
    assert Secret(CANARY).split() != (one, other)
    assert len(one) == len(other) == len(CANARY)
    assert Secret.joined(*Secret("").split()) == Secret("")


def test_the_graph_and_all_that_shows_or_pickles_it_hold_one_half_alone(client):
    frame = read_jobs(client, since="400d", windows=4)
    noise, other = halves(client)
    graph = dict(frame.optimize().dask)
    pickled = [pickle.dumps(frame), cloudpickle.dumps(graph), cloudpickle.dumps(frame.expr)]
    assert all(noise in each for each in pickled)
    shown = [repr(frame), str(frame), frame._repr_html_(), repr(graph), repr(frame.expr), frame.expr.tree_repr()]
    shown += [repr(vars(task)) if hasattr(task, "__dict__") else repr(task) for task in graph.values()]
    for each in [*pickled, *(text.encode() for text in shown)]:
        assert other not in each
        assert not [form for form in forms(CANARY) if form in each]
    reading = reading_of(frame)
    assert "noise" not in repr(reading)
    assert repr(noise) not in repr(reading) + repr(reading.half)


def test_a_process_without_its_half_says_what_to_do(client, monkeypatch):
    frame = read_jobs(client, since="400d", windows=1)
    monkeypatch.setattr(_token, "_OTHERS", {})
    with pytest.raises(jw.SettingsError, match=r"not given its half of the token → call read_jobs\(\) again"):
        frame.compute()


def test_on_the_wire_of_a_cluster_it_is_never_whole(wire, client, service, workers, same):
    with Client(workers) as cluster:
        frame = read_jobs(client, since="400d", windows=8)
        same(frame, client, since="400d")
        noise, other = halves(client)
        cluster.run(os.getpid)
    assert service.requests["jobs"] >= 8
    assert any(noise in frame for frame in wire)  # the graph
    assert any(other in frame for frame in wire)  # the workers' half, which goes by itself
    assert not [frame for frame in wire if noise in frame and other in frame]
    assert not [form for form in forms(CANARY) if any(form in frame for frame in wire)]


def page(base, path):
    with urlopen(urljoin(base, path), timeout=20) as answer:
        return answer.read().decode()


def drawn(base, path):
    """Give what Bokeh shows on a page, which comes after the page by a connection of its own."""
    session = pull_session(url=urljoin(base, path))
    try:
        return json.dumps(session.document.to_json(), default=repr)
    finally:
        session.close()


def pages_of(cluster, key):
    """Fetch every page that the dashboards of a scheduler and of its workers have."""
    base = cluster.dashboard_link.removesuffix("status")
    workers = cluster.scheduler_info(n_workers=-1)["workers"]
    for path in ("workers", "exceptions", "logs"):
        yield path, page(base, f"info/main/{path}.html")
    for path in ("json/counts.json", "metrics", "individual-plots.json"):
        yield path, page(base, path)
    yield "identity", repr(cluster.scheduler_info(n_workers=-1))  # its page fails where keys are tuples
    yield key, page(base, f"info/task/{key}.html")
    yield f"{key} being called", page(base, f"info/call-stack/{key}.html")
    for address in workers:
        for path in ("worker", "logs", "call-stacks"):
            yield f"{path} {address}", page(base, f"info/{path}/{quoted(address)}.html")
    for path in shown(on_scheduler):
        yield path, page(base, path) + drawn(base, path)
    address, worker = next(iter(workers.items()))
    own = f"http://127.0.0.1:{worker['services']['dashboard']}/"
    for path in shown(on_worker):
        yield f"{address}{path}", page(own, path) + drawn(own, path)


def shown(pages):
    """Leave out single plots, which stand on other pages, what measures the machine, and what Bokeh cannot hand out."""
    return [path for path in pages if not any(word in path for word in ("individual", "hardware", "profile"))]


def test_no_page_of_the_dashboards_shows_it(client, cluster, same):
    frame = read_jobs(client, since="400d", windows=8)
    kept = frame.persist()
    same(kept, client, since="400d")
    reading = reading_of(frame)
    window = (frame.divisions[0].to_pydatetime(), frame.divisions[-1].to_pydatetime())
    one = cluster.submit(partition_loader.read_window, window, reading, key="one-window")  # pages name it
    assert len(one.result()) == len(client.jobs(since="400d"))
    with pytest.raises(jw.ServiceError, match="no use for them"):  # what fails is shown at length
        read_jobs(client, since="400d", windows=1).map_partitions(broken, meta=(None, "int")).compute()
    pages = dict(pages_of(cluster, one.key))
    assert len(pages) > 25
    assert any("read-jobs" in text for text in pages.values())
    assert "one-window" in pages["one-window"]
    assert any("no use for them" in text for text in pages.values())
    for path, text in pages.items():
        assert not [half for half in halves(client) if repr(half)[2:-1] in text], path
        assert not [form for form in forms(CANARY) if form.decode("latin-1") in text], path


def quoted(text):
    return quote(str(text), safe="")


def broken(part):
    raise jw.ServiceError(f"{len(part)} jobs, and no use for them")


def test_neither_a_dump_of_the_cluster_nor_its_logs_hold_it(client, cluster, tmp_path, same):
    frame = read_jobs(client, since="400d", windows=8)
    kept = frame.persist()
    same(kept, client, since="400d")
    cluster.dump_cluster_state(str(tmp_path / "dump"), format="yaml")
    dumped = b"".join(path.read_bytes() for path in tmp_path.rglob("dump*") if path.is_file())
    logs = repr((cluster.get_scheduler_logs(), cluster.get_worker_logs(), cluster.get_events()))
    assert b"read-jobs" in dumped
    for text in (dumped, logs.encode(), repr(cluster.cluster.worker_spec).encode()):
        assert not [form for form in forms(CANARY) if form in text]


def test_workers_with_tokens_of_their_own_are_sent_none(wire, client, same):
    env = {"AIWARE_TOKEN": CANARY}
    before = set(os.environ)
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0", env=env) as workers,
        Client(workers),
    ):
        wire.clear()  # the environment of a local worker is told to it where it is started
        frame = read_jobs(client, since="400d", windows=4, token_from="workers")
        same(frame, client, since="400d")
    assert set(os.environ) == before
    assert any(b"read_window" in frame for frame in wire)
    assert not [form for form in forms(CANARY) if any(form in frame for frame in wire)]


@pytest.mark.usefixtures("cluster")
def test_workers_without_a_token_of_their_own_say_so(client):
    frame = read_jobs(client, since="400d", windows=1, token_from="workers")
    with pytest.raises(jw.SettingsError, match=r"no token for 127\.0\.0\.1 is known.* set AIWARE_TOKEN"):
        frame.compute()


def test_a_client_with_another_token_of_the_same_service_is_split_anew(client, served, service):
    with jw.connect(served.graphql_url, user=service.user[0], password=service.user[1]) as other:
        assert halves(client) == halves(client) != halves(other)
        assert len(read_jobs(other, since="400d", windows=2)) == len(client.jobs(since="400d"))


def test_clients_of_a_worker_are_closed_with_it(client):
    client.me()
    before = set(threading.enumerate())
    with LocalCluster(n_workers=2, processes=False, dashboard_address="127.0.0.1:0") as workers, Client(workers):
        assert len(read_jobs(client, since="400d", windows=4, budget=300)) == len(client.jobs(since="400d"))
        assert [key for key in worker_clients._clients if key[0]]
    assert not [key for key in worker_clients._clients if key[0]]
    assert not [t for t in set(threading.enumerate()) - before if t.name == "jobwidgets"]
