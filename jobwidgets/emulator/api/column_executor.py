"""Turns a selection into closures that fill whole columns at a time, with the results `graphql.execute` would give."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.values import get_argument_values, get_directive_values

from jobwidgets.emulator.api.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Path = tuple[str | int, ...]
    Where = Callable[[int], Path]
    Column = Callable[[Sequence[Any], Where], list[Any]]


class Field(NamedTuple):
    """How a field gets its value: from its source alone, or from caller, source and arguments."""

    get: Callable[..., Any]
    takes_arguments: bool = False


class Failure(NamedTuple):
    """An error at a place of the answer."""

    error: Refusal | GraphQLError
    path: Path


class _Void:
    """Stands for a value whose null goes up to its parent."""

    def __repr__(self) -> str:
        return "<void>"


VOID = _Void()
Fields = dict[str, dict[str, Field]]


class Projector:
    """Compiles and runs the selections of one request.

    Parameters
    ----------
    schema, fields
        The types, and how each field gets its value.
    shared
        Types of which few objects occur many times: each is projected once. Their fields must not fail.
    fragments, variables
        The document's fragments, and the variables as `get_variable_values` returned them.
    caller
        What fields with arguments are given first.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fields: Fields,
        *,
        shared: frozenset[str],
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Any,
        caller: Any,
    ) -> None:
        self._schema = schema
        self._fields = fields
        self._shared = shared
        self._fragments = fragments
        self._variables = variables
        self._caller = caller
        self._made: dict[tuple[str, ...], Column] = {}
        self.failures: list[Failure] = []

    def run(self, root: GraphQLObjectType, selection: SelectionSetNode) -> dict[str, Any] | None:
        """Return the data of an operation. Root fields run one after the other, each to its end."""
        data: dict[str, Any] = {}
        for key, nodes in self._collect(root, [selection]).items():
            value = self._column(root, key, nodes)([None], lambda _: ())[0]
            if value is VOID:
                return None
            data[key] = value
        return data

    def _collect(
        self, of: GraphQLObjectType, selections: Iterable[SelectionSetNode | None]
    ) -> dict[str, list[FieldNode]]:
        """Return the nodes of each response key, fragments and directives worked in."""
        grouped: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection in selections:
            if selection is not None:
                for node in self._walk(of, selection, seen):
                    grouped.setdefault((node.alias or node.name).value, []).append(node)
        return grouped

    def _walk(self, of: GraphQLObjectType, selection: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        for node in selection.selections:
            if node.directives and not self._included(node):
                continue
            if isinstance(node, FieldNode):
                yield node
                continue
            inner: FragmentDefinitionNode | InlineFragmentNode
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                inner = self._fragments[node.name.value]
                if self._applies(inner, of):
                    seen.add(node.name.value)
            else:
                assert isinstance(node, InlineFragmentNode)  # noqa: S101 - there is no fourth kind of selection
                inner = node
            if self._applies(inner, of):
                yield from self._walk(of, inner.selection_set, seen)

    def _included(self, node: Any) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and not (include and not include["if"])

    def _applies(self, fragment: FragmentDefinitionNode | InlineFragmentNode, of: GraphQLObjectType) -> bool:
        if fragment.type_condition is None:
            return True
        wanted = self._schema.type_map[fragment.type_condition.name.value]
        return wanted is of or (is_abstract_type(wanted) and self._schema.is_sub_type(wanted, of))

    def _objects(self, of: GraphQLObjectType, nodes: list[FieldNode]) -> Column:
        """Return what turns sources of a type into response objects; the aliases of a batch share it."""
        key = (of.name, *map(_source, nodes))
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._compiled(of, nodes)
        return made

    def _compiled(self, of: GraphQLObjectType, nodes: list[FieldNode]) -> Column:
        collected = self._collect(of, [node.selection_set for node in nodes])
        columns = [(key, self._column(of, key, group)) for key, group in collected.items()]
        keys = tuple(key for key, _ in columns)
        failures = self.failures

        def project(sources: Sequence[Any], where: Where) -> list[Any]:
            before = len(failures)
            cells = [column(sources, where) for _, column in columns]
            if not cells:
                return [{} for _ in sources]
            rows: list[Any] = [dict(zip(keys, row, strict=True)) for row in zip(*cells, strict=True)]
            if len(failures) > before:
                rows = [VOID if any(cell is VOID for cell in row.values()) else row for row in rows]
            return rows

        return project

    def _column(self, of: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Column:
        """Return what gives one field of many sources."""
        name = nodes[0].name.value
        if name == "__typename":
            return lambda sources, _: [of.name] * len(sources)
        definition = of.fields[name]
        fetch = self._fetch(of, key, nodes[0])
        complete = self._complete(definition.type, key, nodes)
        required = isinstance(definition.type, GraphQLNonNull)
        label = f"{of.name}.{name}"

        def column(sources: Sequence[Any], where: Where) -> list[Any]:
            values = complete(fetch(sources, where), where)
            if required and any(value is None for value in values):
                values = [self._refuse_null(value, label, where, place, key) for place, value in enumerate(values)]
            return values

        return column

    def _refuse_null(self, value: Any, label: str, where: Where, place: int, key: str) -> Any:
        if value is not None:
            return value
        path = (*where(place), key)
        if not any(failure.path[: len(path)] == path for failure in self.failures):
            self.failures.append(Failure(GraphQLError(f"Cannot return null for non-nullable field {label}."), path))
        return VOID

    def _fetch(self, of: GraphQLObjectType, key: str, node: FieldNode) -> Column:
        """Return what asks the world for the values of one field of many sources."""
        field = self._fields[of.name][node.name.value]
        get: Callable[[Any], Any] = field.get
        if field.takes_arguments:
            try:
                arguments = get_argument_values(of.fields[node.name.value], node, self._variables)
            except GraphQLError as problem:
                error = problem
                return lambda sources, where: [self._fail(error, (*where(k), key)) for k in range(len(sources))]
            called, caller = field.get, self._caller

            def get(source: Any) -> Any:
                return called(caller, source, arguments)

        def fetch(sources: Sequence[Any], where: Where) -> list[Any]:
            if len(sources) > 1 and not field.takes_arguments:
                try:
                    return list(map(get, sources))
                except Refusal:
                    pass  # one of them fails: find out which, one by one
            return [self._ask(get, source, where, place, key) for place, source in enumerate(sources)]

        return fetch

    def _ask(self, get: Callable[[Any], Any], source: Any, where: Where, place: int, key: str) -> Any:
        try:
            return get(source)
        except Refusal as refusal:
            return self._fail(refusal, (*where(place), key))

    def _fail(self, error: Refusal | GraphQLError, path: Path) -> Any:
        """Note an error; the value of its field is null."""
        self.failures.append(Failure(error, path))
        return None

    def _complete(self, of: Any, key: str, nodes: list[FieldNode]) -> Column:
        """Return what turns the fetched values of a field into what the answer has."""
        bare = of.of_type if isinstance(of, GraphQLNonNull) else of
        if is_leaf_type(get_named_type(bare)):
            return lambda values, _: list(values)
        named: Any = get_named_type(bare)
        project = self._objects(named, nodes)
        if isinstance(bare, GraphQLList):
            return _list_column(project, key, strict=isinstance(bare.of_type, GraphQLNonNull))
        return _shared_column(project) if named.name in self._shared else _object_column(project, key)


def _source(node: FieldNode) -> str:
    """Return the text of a field's selection: in one document the same text asks the same."""
    selection = node.selection_set
    if selection is None:
        return ""
    assert selection.loc is not None  # noqa: S101 - documents are parsed with their locations
    return selection.loc.source.body[selection.loc.start : selection.loc.end]


def _object_column(project: Column, key: str) -> Column:
    def complete(values: Sequence[Any], where: Where) -> list[Any]:
        places = [place for place, value in enumerate(values) if value is not None]
        made = project([values[place] for place in places], lambda k: (*where(places[k]), key))
        done: list[Any] = [None] * len(values)
        for place, row in zip(places, made, strict=True):
            done[place] = None if row is VOID else row
        return done

    return complete


def _shared_column(project: Column) -> Column:
    def complete(values: Sequence[Any], _: Where) -> list[Any]:
        distinct = [value for value in dict.fromkeys(values) if value is not None]
        rows: dict[Any, Any] = dict(zip(distinct, project(distinct, lambda _: ()), strict=True))
        rows[None] = None
        return [rows[value] for value in values]

    return complete


def _list_column(project: Column, key: str, *, strict: bool) -> Column:
    """Flatten the lists of all sources, project them at once, and cut the result again."""

    def complete(values: Sequence[Any], where: Where) -> list[Any]:
        flat = [item for value in values if value is not None for item in value]
        ends: list[int] = []
        total = 0
        for value in values:
            total += 0 if value is None else len(value)
            ends.append(total)

        def place_of(k: int) -> Path:
            owner = bisect_right(ends, k)
            return (*where(owner), key, k - (ends[owner - 1] if owner else 0))

        made = project(flat, place_of)
        done: list[Any] = []
        begin = 0
        for value, end in zip(values, ends, strict=True):
            rows = made[begin:end]
            if any(row is VOID for row in rows):
                done.append(None if strict else [None if row is VOID else row for row in rows])
            else:
                done.append(None if value is None else rows)
            begin = end
        return done

    return complete
