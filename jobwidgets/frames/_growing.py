"""Columns that grow page by page, and are kept as compact as they will be in the frame.

Python's own texts and numbers are five to ten times as large as what a frame makes of them: of a long list no more than
one page of them is ever there.
"""

from __future__ import annotations

import importlib.util
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jobwidgets._errors import ServiceError
from jobwidgets.frames._columns import array_of, moments_of, status_dtype, text_dtype, time_column, word_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Order = np.ndarray[Any, np.dtype[np.intp]] | None

LARGE = 500_000
"""Rows from which on memory that is free is given back at once."""
MISSING = -(2**31)
"""What stands for a missing number until the column is made."""


class Growing:
    """A column that is not complete yet: its parts, one a page."""

    def __init__(self) -> None:
        self._parts: list[Any] = []

    def add(self, values: Sequence[Any]) -> None:
        """Take the values of a page."""
        self.put(self.part(values))

    def put(self, part: Any) -> None:
        """Take what was made of them."""
        self._parts.append(part)

    def part(self, values: Sequence[Any]) -> Any:
        """Make of the values of a page what is kept of them.

        Raises
        ------
        ServiceError
            One of them is not of this kind.
        """
        raise NotImplementedError

    def column(self, order: Order = None) -> Any:
        """Make the column, its rows in this order."""
        raise NotImplementedError


class Texts(Growing):
    """Texts: in Arrow's own form where pyarrow is installed."""

    def __init__(self) -> None:
        super().__init__()
        self._arrow = importlib.util.find_spec("pyarrow") is not None

    def part(self, values: Sequence[str | None]) -> Any:
        """Do what `Growing.part` says."""
        if not self._arrow:
            return values
        import pyarrow as pa  # noqa: PLC0415  an extra

        return pa.array(values, pa.large_string())

    def column(self, order: Order = None) -> Any:
        """Do what `Growing.column` says."""
        if not self._arrow:
            column = array_of("string", list(chain.from_iterable(self._parts)))
            return column if order is None else column.take(order)
        import pyarrow as pa  # noqa: PLC0415  as above

        if sum(map(len, self._parts)) > LARGE:
            pa.default_memory_pool().release_unused()  # the columns before this one have left their parts behind
        chunks = pa.chunked_array(self._parts, pa.large_string())
        dtype: Any = text_dtype()
        return dtype.__from_arrow__(chunks.combine_chunks() if order is None else chunks.take(pa.array(order)))


class Times(Growing):
    """Times, as microseconds."""

    def part(self, values: Sequence[str | None]) -> Any:
        """Do what `Growing.part` says."""
        return moments_of(values)

    def column(self, order: Order = None) -> Any:
        """Do what `Growing.column` says."""
        return time_column(joined(self._parts, "datetime64[us]", order))


class Words(Growing):
    """Words that come again and again: a category, or with `status` the ordered one of statuses."""

    def __init__(self, *, status: bool = False) -> None:
        super().__init__()
        self._status = status
        self._known = Codes()

    def part(self, values: Sequence[str | None]) -> Any:
        """Do what `Growing.part` says."""
        return self._known.of(values)

    def column(self, order: Order = None) -> Any:
        """Do what `Growing.column` says."""
        codes = joined(self._parts, "i4", order)
        dtype = status_dtype([word for word in self._known if word]) if self._status else word_dtype(self._known)
        place = {word: at for at, word in enumerate(dtype.categories)}
        places = np.array([place.get(word, -1) for word in self._known] or [-1])
        return pd.Categorical.from_codes(places[codes], dtype=dtype)


class Counts(Growing):
    """Whole numbers."""

    def part(self, values: Sequence[int | None]) -> Any:
        """Do what `Growing.part` says."""
        numbers = [MISSING if value is None else value for value in values]
        if numbers and not MISSING <= min(numbers) <= max(numbers) < -MISSING:
            raise ServiceError("the service sent a number beyond every reason", hint="ask the service's people")
        return np.array(numbers, "i4")

    def column(self, order: Order = None) -> Any:
        """Do what `Growing.column` says."""
        numbers = joined(self._parts, "i4", order)
        return pd.arrays.IntegerArray(numbers, numbers == MISSING)


class Codes(dict[Any, int]):
    """Numbers the values that come, in the order of their coming."""

    def __missing__(self, value: Any) -> int:
        code = self[value] = len(self)
        return code

    def of(self, values: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Give the numbers of these."""
        return np.fromiter(map(self.__getitem__, values), "i4", len(values))


GROWING: dict[str, Callable[[], Growing]] = {
    "string": Texts,
    "time": Times,
    "word": Words,
    "status": lambda: Words(status=True),
    "count": Counts,
}
"""What grows into a column of each kind."""


def joined(parts: Sequence[Any], kind: str, order: Order = None) -> Any:
    """Join the parts of a column, in this order."""
    whole = np.concatenate(parts) if parts else np.array([], kind)
    return whole if order is None else whole[order]
