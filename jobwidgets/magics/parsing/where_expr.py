"""`--where`: a query over a frame's columns that can reach nothing else."""

from __future__ import annotations

import ast
import io
import tokenize
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jobwidgets._internal import parse_age, parse_when, sanitize
from jobwidgets.errors import UsageError
from jobwidgets.magics.parsing.argparse_ext import nearest

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

_HINT = "such as --where \"status == 'failed' and queued_for > '1h' and name.str.contains('news')\""
_LONGEST = 2_000
_PLAIN = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Invert, ast.USub, ast.BinOp, ast.Add,
    ast.Sub, ast.Mult, ast.Div, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn,
    ast.List, ast.Tuple, ast.Load, ast.keyword,
)  # fmt: skip
_METHODS = frozenset((
    "isna", "notna", "isnull", "notnull", "isin", "between", "abs", "min", "max", "mean", "median", "total_seconds",
    "contains", "startswith", "endswith", "match", "fullmatch", "lower", "upper", "strip", "len",
))  # fmt: skip
_PARTS = frozenset(("str", "dt", "year", "month", "day", "hour", "minute", "dayofweek", "days"))


def where(frame: pd.DataFrame, query: str, now: datetime) -> pd.DataFrame:
    """Keep the rows for which a query holds.

    Parameters
    ----------
    frame : DataFrame
        Its columns are all that the query can name.
    query : str
        As `DataFrame.query` takes it; a text compared with a length of time is read as an age ("1h"), compared with a
        moment as a time ("2026-03-01") or an age back from `now`.
    now : datetime
        The service's clock.

    Raises
    ------
    UsageError
        The query is wrong, or reaches for something that is no column.
    """
    tree = _parsed(query)
    for node in ast.walk(tree):
        _check(node, frame)
    ready = ast.fix_missing_locations(_Times(frame, now).visit(tree))
    try:
        mask: Any = frame.eval(ast.unparse(ready), engine="python", parser="pandas", local_dict={}, global_dict={})
    except (TypeError, ValueError, AttributeError, KeyError, NotImplementedError, SyntaxError) as error:
        raise UsageError(f"--where: {sanitize(error)}", hint=_HINT) from None
    if str(getattr(mask, "dtype", "")) not in {"bool", "boolean", "bool[pyarrow]"}:
        raise UsageError("--where: this is no condition", hint=_HINT)
    kept: pd.DataFrame = frame.loc[mask.fillna(value=False).astype(bool)]
    return kept


def _parsed(query: str) -> ast.Expression:
    """Parse as pandas does: & and | bind like "and" and "or"."""
    if len(query) > _LONGEST:
        raise UsageError(f"--where: longer than {_LONGEST} characters", hint="filter the frame in Python instead")
    if "@" in query or "`" in query or "__" in query:
        raise UsageError(
            "--where: only the frame's columns can be named, without @, ` and __",
            hint="put a value in by $: %job list --since $since",
        )
    words = {"&": (tokenize.NAME, "and"), "|": (tokenize.NAME, "or")}
    try:
        found = tokenize.generate_tokens(io.StringIO(query.strip()).readline)
        tokens = [words.get(token.string, (token.type, token.string)) for token in found]
        return ast.parse(tokenize.untokenize(tokens).strip(), mode="eval")
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"--where: {sanitize(query, 80)!r} cannot be read", hint=_HINT) from None


def _check(node: ast.AST, frame: pd.DataFrame) -> None:
    """Let columns, constants, comparisons and a few methods through; nothing else."""
    if isinstance(node, _PLAIN):
        return
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str | int | float | bool)):
        return
    if isinstance(node, ast.Name):
        if node.id not in frame.columns:
            near = nearest(node.id, map(str, frame.columns)) or f"; there are {', '.join(map(str, frame.columns))}"
            raise UsageError(f"--where: no column {sanitize(node.id)}{near}", hint=_HINT)
        return
    if isinstance(node, ast.Attribute):
        if node.attr in _METHODS | _PARTS:
            return
        raise UsageError(
            f"--where: .{sanitize(node.attr)} is not available here{nearest(node.attr, _METHODS | _PARTS)}",
            hint=_HINT,
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
        return
    raise UsageError("--where: only columns, values, comparisons and a few methods can stand here", hint=_HINT)


class _Times(ast.NodeTransformer):
    """Read the texts that are compared with a time, or a length of time, as such."""

    def __init__(self, frame: pd.DataFrame, now: datetime) -> None:
        self._frame = frame
        self._now = now

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        sides = [node.left, *node.comparators]
        kinds = {self._kind(side) for side in sides} - {""}
        if len(kinds) == 1:
            sides = [self._read(side, kinds.copy().pop()) for side in sides]
            node.left, *node.comparators = sides
        return self.generic_visit(node)

    def _kind(self, node: ast.AST) -> str:
        """Say what a side is measured in: "m" for lengths of time, "M" for moments."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"min", "max", "mean", "median", "abs"}
        ):
            node = node.func.value
        if not isinstance(node, ast.Name):
            return ""
        dtype = str(self._frame.dtypes.get(node.id, ""))
        return "m" if dtype.startswith("timedelta") else "M" if dtype.startswith("datetime") else ""

    def _read(self, node: ast.expr, kind: str) -> ast.expr:
        if isinstance(node, ast.List | ast.Tuple):
            node.elts = [self._read(item, kind) for item in node.elts]
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            return node
        value: Any = (
            f"{parse_age(node.value) / timedelta(seconds=1)!r} s"
            if kind == "m"
            else parse_when(node.value, self._now).isoformat()
        )
        return ast.Constant(value)
