"""A column of texts: their bytes one after the other, so that a text costs little more than its letters."""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_NONE = (1 << 32) - 1  # the length that stands for None


class Texts:
    """A list of texts and Nones, by row; to change one leaves its old bytes behind, which is rare."""

    def __init__(self) -> None:
        self.letters = bytearray()
        self.starts = array("I")
        self.lengths = array("I")

    def memory(self) -> tuple[bytes, bytes, bytes]:
        """Return the column as bytes: the letters, where each text starts, how long it is."""
        return bytes(self.letters), self.starts.tobytes(), self.lengths.tobytes()

    def recall(self, memory: tuple[bytes, bytes, bytes]) -> None:
        """Become the column of which this is the memory."""
        self.letters[:] = memory[0]
        self.starts, self.lengths = array("I", memory[1]), array("I", memory[2])

    def extend(self, texts: Iterable[str | None]) -> None:
        """Add texts at the end."""
        found = [None if text is None else _encode(text) for text in texts]
        lengths = [_NONE if letters is None else len(letters) for letters in found]
        self.starts.extend(accumulate(map(_room, lengths[:-1]), initial=len(self.letters)))
        self.lengths.extend(lengths)
        self.letters += b"".join(filter(None, found))

    def __getitem__(self, row: int) -> str | None:
        length = self.lengths[row]
        if length == _NONE:
            return None
        start = self.starts[row]
        return self.letters[start : start + length].decode("utf-8", "surrogatepass")

    def same(self, text: str) -> Callable[[int], bool]:
        """Return what says of a row whether it has this text; quicker than to read them all."""
        wanted, letters, starts, lengths = _encode(text), self.letters, self.starts, self.lengths
        length = len(wanted)
        return lambda row: lengths[row] == length and letters.startswith(wanted, starts[row])

    def __setitem__(self, row: int, text: str | None) -> None:
        letters = None if text is None else _encode(text)
        self.starts[row] = len(self.letters)
        self.lengths[row] = _NONE if letters is None else len(letters)
        self.letters += letters or b""

    def __len__(self) -> int:
        return len(self.starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __iter__(self) -> Iterator[str | None]:
        return map(self.__getitem__, range(len(self)))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _room(length: int) -> int:
    return 0 if length == _NONE else length
