"""The lines of a journal: every cut of them reads as a prefix, and every damage shows.

A line is `<length> <crc32> <JSON>`. Only the end of the file can be torn, and then it has fewer bytes than it says
and no line break; it was never synced, so nothing was sent on it. Everything else that is not as written is damage.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from jobwidgets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = 1
"""The newest version of the records that this package reads."""
_LINE = re.compile(rb"([1-9][0-9]{0,9}) ([0-9a-f]{8}) (.*)", re.DOTALL)
_HEAD_CUT = re.compile(rb"[1-9][0-9]{0,9}( [0-9a-f]{0,8})?")


def line_of(record: Mapping[str, Any]) -> bytes:
    """Write one record as one line."""
    try:
        text = msgspec.json.encode(record)
    except UnicodeEncodeError:  # half a character, as Python lets a user write it: no disk keeps it
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return b"%d %08x %b\n" % (len(text), zlib.crc32(text), text)


def replay(data: bytes, path: Path) -> tuple[list[dict[str, Any]], int]:
    """Read the lines of a journal; give the records, and how many bytes they take.

    Raises
    ------
    SettingsError
        It is damaged, or of a later version; `path` is its name for the message.
    """
    records: list[dict[str, Any]] = []
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        record = _record(data[at:end])
        if record is None:
            _refuse_damaged(path, len(records) + 1)
        if not records:
            _refuse_later(path, record)
        records.append(record)
        at = end + 1
    if not _torn(data[at:]):
        _refuse_damaged(path, len(records) + 1)
    return records, at


def _torn(tail: bytes) -> bool:
    """Say whether this can be the beginning of a line: fewer bytes than the line says, the line break among them."""
    line = _LINE.fullmatch(tail)
    if line:
        return len(line[3]) <= int(line[1])
    return not tail or _HEAD_CUT.fullmatch(tail) is not None


def _record(line: bytes) -> dict[str, Any] | None:
    """Read one whole line; None when it is not as it was written."""
    parts = _LINE.fullmatch(line)
    if not parts or len(parts[3]) != int(parts[1]) or b"%08x" % zlib.crc32(parts[3]) != parts[2]:
        return None
    try:
        record = msgspec.json.decode(parts[3])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return record if isinstance(record, dict) else None


def _refuse_later(path: Path, first: Mapping[str, Any]) -> None:
    version = first.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise SettingsError(
            f"the journal {path} was written by a later version of jobwidgets", hint="update jobwidgets to read it"
        )


def _refuse_damaged(path: Path, number: int) -> NoReturn:
    raise SettingsError(
        f"the journal {path} is damaged in line {number}; it was left as it is, and nothing was sent",
        hint="put a good copy in its place if there is one; what it did is known to the service alone",
    )
