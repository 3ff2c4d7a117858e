"""Columns that grow page by page, and are kept as compact as they will be in the frame.

Python's own texts and numbers are five to ten times as large as what a frame makes of them: of a long list no more than
one page of them is ever there.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jobwidgets.errors import ServiceError
from jobwidgets.frames.memory import arrow_joined, mmap_array, release_memory
from jobwidgets.frames.record_batch import DictionaryColumn
from jobwidgets.frames.schema import (
    array_of,
    has_arrow,
    moments_of,
    status_dtype,
    text_dtype,
    time_column,
    word_dtype,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Order = np.ndarray[Any, np.dtype[np.intp]] | None

TOGETHER = 65_536
"""Rows of a column that are put into one piece of memory: many small ones between those of others are never free."""
SCATTERED = 8
"""Rows that must stand together, on average, for a column to be put together from runs of them."""
FEW = 256
"""Runs that are taken one by one, however short they are."""
MISSING = -(2**31)
"""What stands for a missing number until the column is made."""


class ColumnBuilder:
    """A column that is not complete yet."""

    KIND = "i4"

    def __init__(self) -> None:
        self._parts: list[Any] = []
        self._pages: list[Any] = []
        self._rows = 0

    def put(self, part: Any) -> None:
        """Take what was made of the values of a page."""
        self._pages.append(part)
        self._rows += len(part)
        if self._rows >= TOGETHER:
            self._settle()

    def _settle(self) -> None:
        if self._pages:
            self._parts.append(self._joined(self._pages))
        self._pages, self._rows = [], 0

    def _joined(self, parts: Sequence[Any]) -> Any:
        return np.concatenate(parts, out=mmap_array(sum(map(len, parts)), self.KIND))

    def numbers(self) -> Any:
        """Give what numbers it is made of, in the order of their coming."""
        self._settle()
        self._parts = [np.concatenate(self._parts)] if self._parts else [np.array([], self.KIND)]
        return self._parts[0]

    def part(self, values: Any) -> Any:
        """Make of the values of a page, which `Batch` describes, what is kept of them.

        Raises
        ------
        ServiceError
            One of them is not of this kind.
        """
        raise NotImplementedError

    def column(self, order: Order = None) -> Any:
        """Make the column, its rows in this order; it is empty afterwards."""
        numbers = self.numbers()
        self._parts = []
        return self._made(numbers if order is None else numbers[order])

    def _made(self, numbers: Any) -> Any:
        return numbers


class StringBuilder(ColumnBuilder):
    """Texts: in Arrow's own form where pyarrow is installed."""

    def __init__(self) -> None:
        super().__init__()
        self._arrow = has_arrow()

    def part(self, values: Any) -> Any:
        """Do what `ColumnBuilder.part` says."""
        if not self._arrow:
            return values
        import pyarrow as pa  # noqa: PLC0415  an extra

        return values if isinstance(values, pa.Array) else pa.array(values, pa.large_string())

    def _joined(self, parts: Sequence[Any]) -> Any:
        return arrow_joined(parts) if self._arrow else list(chain.from_iterable(parts))

    def column(self, order: Order = None) -> Any:
        """Do what `ColumnBuilder.column` says."""
        pieces = self._pieces(order)
        self._parts = []  # what it is made of goes before it is made whole
        made = self._whole(pieces)
        release_memory(len(made))
        return made

    def at(self, rows: Order) -> list[str]:
        """Give the texts of some rows."""
        texts: list[str] = self._whole(self._pieces(rows)).tolist()
        return texts

    def _pieces(self, order: Order) -> list[Any]:
        self._settle()
        if self._arrow:
            return list(_put_together(self._parts, order))
        column = array_of("string", self._joined(self._parts))
        return [column if order is None else column.take(order)]

    def _whole(self, pieces: list[Any]) -> Any:
        if not self._arrow:
            return pieces[0]
        import pyarrow as pa  # noqa: PLC0415  as above

        dtype: Any = text_dtype()
        return dtype.__from_arrow__(arrow_joined(pieces) if pieces else pa.array([], pa.large_string()))


def _put_together(parts: Sequence[Any], order: Order) -> Iterator[Any]:
    """Put texts together piece by piece: there is never more than one piece of them twice."""
    import pyarrow as pa  # noqa: PLC0415  an extra

    sizes = [len(part) for part in parts]
    ends = np.cumsum(sizes)
    rows = np.arange(sum(sizes)) if order is None else order
    for at in range(0, len(rows), TOGETHER):
        wanted = rows[at : at + TOGETHER]
        lies_in = np.searchsorted(ends, wanted, side="right")
        begins = np.flatnonzero(np.append(True, (np.diff(wanted) != 1) | (np.diff(lies_in) != 0)))
        if len(begins) <= max(FEW, len(wanted) / SCATTERED):  # nearly always: pages stand in order, so do their rows
            counts = np.diff(begins, append=len(wanted))
            runs = np.stack([lies_in[begins], (wanted - ends[lies_in])[begins], counts], axis=1).tolist()
            yield arrow_joined([parts[part].slice(sizes[part] + begin, count) for part, begin, count in runs])
        else:
            first, last = lies_in.min(), lies_in.max()
            near = arrow_joined(parts[first : last + 1])
            yield near.take(pa.array(wanted - (ends[first] - sizes[first])))


class TimeBuilder(ColumnBuilder):
    """Times, as microseconds."""

    KIND = "datetime64[us]"

    def part(self, values: Any) -> Any:
        """Do what `ColumnBuilder.part` says."""
        return values if isinstance(values, np.ndarray) else moments_of(values)

    def _made(self, numbers: Any) -> Any:
        return time_column(numbers)


class CategoryBuilder(ColumnBuilder):
    """Words that come again and again: a category, or with `status` the ordered one of statuses."""

    def __init__(self, *, status: bool = False) -> None:
        super().__init__()
        self._status = status
        self._known = DictionaryEncoder()

    def part(self, values: Any) -> Any:
        """Do what `ColumnBuilder.part` says."""
        return self._known.of(values)

    def _made(self, numbers: Any) -> Any:
        words = [word or "unknown" for word in self._known] if self._status else list(self._known)
        dtype = status_dtype(words) if self._status else word_dtype(words)
        place = {word: at for at, word in enumerate(dtype.categories)}
        places = np.array([place.get(word, -1) for word in words] or [-1])
        return pd.Categorical.from_codes(places[numbers], dtype=dtype)


class IntBuilder(ColumnBuilder):
    """Whole numbers."""

    def part(self, values: Any) -> Any:
        """Do what `ColumnBuilder.part` says."""
        if isinstance(values, np.ndarray):
            return values
        numbers = [MISSING if value is None else value for value in values]
        if numbers and not MISSING <= min(numbers) <= max(numbers) < -MISSING:
            raise ServiceError("the service sent a number beyond every reason", hint="ask the service's people")
        return np.array(numbers, "i4")

    def _made(self, numbers: Any) -> Any:
        return pd.arrays.IntegerArray(numbers, numbers == MISSING)


class DictionaryEncoder(dict[Any, int]):
    """Numbers the values that come, in the order of their coming."""

    def __missing__(self, value: Any) -> int:
        code = self[value] = len(self)
        return code

    def of(self, values: Any) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Give the numbers of these, which can have numbers of their own."""
        if isinstance(values, DictionaryColumn):
            numbers: np.ndarray[Any, np.dtype[np.int32]] = self.of(values.words)[values.codes]
            return numbers
        return np.fromiter(map(self.__getitem__, values), "i4", len(values))


GROWING: dict[str, Callable[[], ColumnBuilder]] = {
    "string": StringBuilder,
    "time": TimeBuilder,
    "word": CategoryBuilder,
    "status": lambda: CategoryBuilder(status=True),
    "count": IntBuilder,
}
"""What grows into a column of each kind."""
