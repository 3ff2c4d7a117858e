"""The journal: every cut reads as a prefix, every damage shows, and nothing is promised that is not on disk."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobwidgets as jw
from jobwidgets.bulk.journal import journal as _journal
from jobwidgets.bulk.journal.codec import line_of, replay
from jobwidgets.bulk.journal.journal import Journal
from jobwidgets.bulk.journal.paths import state_dir

OP = "cancel-20261123-194501-1a2b3c"
PLAN = {"record": "plan", "version": 1, "op": OP, "why": "stuck: größer \u2028 als\n\x00\x7f 日本"}
NOWHERE = Path("a.jsonl")


def a_real_one(op=OP, rows=3):
    """Do a small operation as the application would; give its records."""
    journal = Journal.create(op)
    records = [PLAN, {"record": "targets", "rows": [[f"2304_{n}", "J*J", "pending", None] for n in range(rows)]}]
    journal.append(*records, {"record": "ready"})
    journal.sync()
    journal.append({"record": "intent", "at": "2026-11-23T19:45:01.000Z", "lines": [1, 2]})
    journal.sync()
    journal.append({"record": "lines", "rows": [[1, {"outcome": "done"}], [2, {"outcome": "refused", "message": ""}]]})
    journal.append({"record": "intent", "at": "2026-11-23T19:45:02.000Z", "lines": [3]})
    journal.sync()
    journal.close()
    return [*records, {"record": "ready"}, *_journal.read(op)[3:]]


def file_of(op=OP):
    return state_dir() / "operations" / f"{op}.jsonl"


def files_in(directory):
    return sorted(path.name for path in directory.iterdir())


@contextmanager
def as_nobody():
    """Lose the rights of the superuser for a while, if this is the superuser: for him nothing is read-only."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


# what is in the file


def test_what_was_written_is_read():
    records = a_real_one()
    assert records[0] == PLAN
    assert _journal.read(OP) == records
    reopened = Journal.reopen(OP)
    assert reopened.records == records
    reopened.append({"record": "note", "halted": "stopped"})
    reopened.close()
    assert _journal.read(OP) == [*records, {"record": "note", "halted": "stopped"}]


def test_every_cut_reads_as_a_prefix():
    records = a_real_one()
    data = file_of().read_bytes()
    ends = [at + 1 for at, byte in enumerate(data) if byte == 0x0A]
    for cut in range(len(data) + 1):
        whole = sum(end <= cut for end in ends)
        assert replay(data[:cut], NOWHERE) == (records[:whole], ends[whole - 1] if whole else 0), cut


def test_every_flipped_bit_is_refused():
    a_real_one(rows=20)
    data = file_of().read_bytes()
    assert len(data) > 1000
    taken = []
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            taken.append((bit, replay(bytes(flipped), NOWHERE)))
        except jw.SettingsError as error:
            assert "damaged in line" in str(error)  # noqa: PT017  a million context managers take long
    assert taken == []


def test_a_flipped_bit_in_a_torn_journal_costs_the_torn_tail_at_most():
    records = a_real_one()
    data = file_of().read_bytes()
    for torn in (1, 2, 9, 12, 30):
        cut = data[:-torn]
        for bit in range(8 * len(cut)):
            flipped = bytearray(cut)
            flipped[bit // 8] ^= 1 << bit % 8
            with suppress(jw.SettingsError):
                assert replay(bytes(flipped), NOWHERE)[0] == records[:-1], (torn, bit)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data[:-1] + b"*", id="another last byte"),
        pytest.param(lambda data: data[:-1] + b" ", id="a blank for the line break"),
        pytest.param(lambda data: data + b"\n", id="an empty line"),
        pytest.param(lambda data: data + b"\0" * 100, id="zeros"),
        pytest.param(lambda data: data + b"x", id="a letter"),
        pytest.param(lambda data: data + b"0", id="a length of none"),
        pytest.param(lambda data: data + b"12 00000000 {}\n", id="a line that is too short"),
        pytest.param(lambda data: data + b"2 00000000 {}\n", id="a wrong sum"),
        pytest.param(lambda data: data + line_of([1]), id="no object"),
        pytest.param(lambda data: data.replace(b"\n", b"\r\n"), id="line breaks of another system"),
        pytest.param(lambda data: data[data.index(b"\n") // 2 :], id="a lost beginning"),
        pytest.param(lambda data: b"\xef\xbb\xbf" + data, id="an editor's mark"),
    ],
)
def test_damage_is_refused_by_name_and_line_and_left_as_it_is(spoil):
    a_real_one()
    spoilt = spoil(file_of().read_bytes())
    file_of().write_bytes(spoilt)
    for opened in (_journal.read, Journal.reopen):
        with pytest.raises(jw.SettingsError, match=rf"{file_of()} is damaged in line \d+; it was left as it is"):
            opened(OP)
    assert file_of().read_bytes() == spoilt
    assert _journal.at_work() == {}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.text(), values, max_size=4).filter(lambda record: "version" not in record)))
def test_any_record_comes_back_as_it_was(records):
    data = b"".join(map(line_of, records))
    assert replay(data, NOWHERE) == (records, len(data))
    assert data.count(b"\n") == len(records)
    for cut in {len(data) // 3, len(data) // 2, max(len(data) - 1, 0)}:
        begun, size = replay(data[:cut], NOWHERE)
        assert begun == records[: len(begun)]
        assert data[:size].count(b"\n") == len(begun)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_read_or_refused(data):
    with suppress(jw.SettingsError):
        replay(data, NOWHERE)


def test_records_of_every_size_come_back():
    journal = Journal.create(OP)
    records = [{}, {"": ""}, {"big": "ü\n" * 3_000_000}, {"n": 2**63}, {"": [[]] * 1000}]
    journal.append(*records)
    journal.append()
    journal.close()
    assert _journal.read(OP) == records


def test_half_a_character_does_not_stop_the_work():
    journal = Journal.create(OP)
    journal.append({"why": "stuck \ud83d"})
    journal.close()
    assert _journal.read(OP) == [{"why": "stuck ?"}]


def test_a_record_that_is_no_data_leaves_the_journal_as_it_was():
    journal = Journal.create(OP)
    with pytest.raises(TypeError):
        journal.append({"a": 1}, {"a": object()})
    journal.append({"b": 1})
    journal.close()
    assert _journal.read(OP) == [{"b": 1}]


@pytest.mark.parametrize("version", [2, 99, "2", None])
def test_a_later_version_is_refused(version):
    journal = Journal.create(OP)
    journal.append({"record": "plan", "version": version})
    journal.close()
    for opened in (_journal.read, Journal.reopen):
        with pytest.raises(jw.SettingsError, match="written by a later version of jobwidgets → update"):
            opened(OP)
    assert _journal.at_work() == {}


def test_unknown_kinds_and_keys_are_passed_on():
    records = [PLAN | {"colour": "blue"}, {"record": "weather", "version": 7}, {"nothing": None}]
    journal = Journal.create(OP)
    journal.append(*records)
    journal.close()
    assert _journal.read(OP) == records


# opening


def test_a_torn_tail_is_cut_off_before_more_is_written():
    records = a_real_one()
    data = file_of().read_bytes()
    file_of().write_bytes(data[:-7])
    assert _journal.read(OP) == records[:-1]
    assert file_of().read_bytes() == data[:-7]  # reading changes nothing
    journal = Journal.reopen(OP)
    assert journal.records == records[:-1]
    journal.append({"record": "ready"})
    journal.close()
    assert _journal.read(OP) == [*records[:-1], {"record": "ready"}]


def test_an_operation_that_died_at_once_has_no_records():
    Journal.create(OP).close()
    assert _journal.read(OP) == []
    assert Journal.reopen(OP).records == []


def test_an_operation_begins_once():
    a_real_one()
    before = file_of().read_bytes()
    with pytest.raises(jw.UsageError, match="was begun already"):
        Journal.create(OP)
    assert file_of().read_bytes() == before
    assert _journal.at_work() == {}


def test_what_could_not_begin_can_begin_again():
    journal = Journal.create(OP)
    journal.append(PLAN)
    journal.discard()
    assert _journal.operations() == []
    assert files_in(state_dir() / "operations") == []
    Journal.create(OP).close()


def test_an_operation_that_is_not_there_is_said_to_be_unknown():
    for call in (_journal.read, Journal.reopen, _journal.ask_to_stop):
        with pytest.raises(jw.UsageError, match=f"no operation {OP} is known here"):
            call(OP)
    assert not state_dir().exists()


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../x", f"../{OP}", f"/{OP}", f"{OP}/", f"{OP}\n", f" {OP}", f"{OP}\0", OP.upper(), f"x/{OP}",
        "cancel", "cancel-20261123-194501-1a2b3", "cancel-20261123-194501-1a2b3c.jsonl", "c:\\x", "~", "x" * 5000,
        "cancel-२०२६११२३-194501-1a2b3c", "\x1b[31m", None, 7, b"cancel-20261123-194501-1a2b3c", Path(OP),
    ],
)  # fmt: skip
def test_what_is_no_operation_touches_no_file(name):
    for call in (_journal.read, Journal.create, Journal.reopen, _journal.ask_to_stop):
        with pytest.raises(jw.UsageError, match="is no operation") as refused:
            call(name)
        assert "\x1b" not in str(refused.value)
        assert len(str(refused.value)) < 200
    assert not state_dir().exists()


def test_operations_come_newest_first_and_other_files_are_no_operations():
    assert _journal.operations() == []
    ops = ["range-20261125-000000-000000", "cancel-20261124-235959-ffffff", OP, "retry-20250101-000000-abcdef"]
    for op in (ops[2], ops[0], ops[3], ops[1]):
        Journal.create(op).close()
    for name in ("notes.jsonl", f"{OP}.jsonl.bak", f"{OP}.lease-4", ".jsonl", f"copy of {OP}.jsonl"):
        (state_dir() / "operations" / name).touch()
    assert _journal.operations() == ops


# where it is


def test_the_state_directory_is_named_by_the_environment(tmp_path, monkeypatch):
    assert state_dir() == tmp_path / "state"
    assert state_dir({"JOBWIDGETS_STATE": "~/x"}) == Path.home() / "x"
    assert state_dir({}).name == "jobwidgets"
    monkeypatch.chdir(tmp_path)
    assert state_dir({"JOBWIDGETS_STATE": "here"}) == tmp_path / "here"
    with pytest.raises(jw.SettingsError, match="no such home"):
        state_dir({"JOBWIDGETS_STATE": "~nobody-of-this-name/x"})


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o777])
def test_directories_and_files_are_for_this_user_alone(tmp_path, mask):
    before = os.umask(mask)
    try:
        journal = Journal.create(OP, tmp_path / "a" / "b")
        journal.append(PLAN)
        _journal.ask_to_stop(OP, tmp_path / "a" / "b")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "a", *(tmp_path / "a").rglob("*")]}
    directories = dict.fromkeys(["a", "b", "operations"], 0o700)
    assert modes == directories | dict.fromkeys([f"{OP}.jsonl", f"{OP}.lease-1", f"{OP}.stop"], 0o600)
    journal.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_directory_that_cannot_be_written_is_said_before_anything_is_sent():
    with TemporaryDirectory() as place:
        root = Path(place)
        a_begun_one = Journal.create(OP, root)
        a_begun_one.close()
        for path in (root, root / "operations"):
            path.chmod(0o555)
        (root / "operations" / f"{OP}.jsonl").chmod(0o444)
        before = sorted(root.rglob("*"))
        with as_nobody():
            for op, call in (("retry" + OP[6:], Journal.create), (OP, Journal.reopen)):
                with pytest.raises(jw.SettingsError, match=r"cannot be written.*nothing was sent.*JOBWIDGETS_STATE"):
                    call(op, root)
            with pytest.raises(jw.SettingsError, match="cannot be written"):
                _journal.ask_to_stop(OP, root)
            assert _journal.read(OP, root) == []
        assert sorted(root.rglob("*")) == before
        (root / "operations").chmod(0)
        with as_nobody():
            for call in (_journal.read, Journal.reopen, _journal.ask_to_stop):
                with pytest.raises(jw.SettingsError, match="cannot be read"):
                    call(OP, root)
            with pytest.raises(jw.SettingsError, match="cannot be read"):
                _journal.operations(root)
            assert _journal.at_work(root) == {}
        (root / "operations").chmod(0o700)


@pytest.mark.parametrize("where", [".", "operations"])
def test_a_file_in_the_place_of_the_directory_is_said(tmp_path, where):
    root = tmp_path / "state"
    if where != ".":
        root.mkdir()
    (root / where).touch()
    with pytest.raises(jw.SettingsError, match=r"cannot be written.*nothing was sent"):
        Journal.create(OP)
    for call in (_journal.read, Journal.reopen, _journal.ask_to_stop):
        with pytest.raises(jw.SettingsError, match="cannot be read"):
            call(OP)
    with pytest.raises(jw.SettingsError, match="cannot be read"):
        _journal.operations()


def test_a_directory_in_the_place_of_the_journal_is_said():
    file_of().mkdir(parents=True)
    for call in (_journal.read, Journal.reopen):
        with pytest.raises(jw.SettingsError, match="cannot be"):
            call(OP)
