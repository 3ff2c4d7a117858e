"""GraphQL requests: graphql-core reads, checks and coerces them, the projection answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    execute,
    get_named_type,
    parse,
    validate,
)
from graphql.execution.values import get_argument_values, get_variable_values

from jobwidgets.emulator.api.column_executor import Failure, Projector
from jobwidgets.emulator.api.errors import Refusal, invalid
from jobwidgets.emulator.api.resolvers import Iso
from jobwidgets.emulator.api.schema_fields import SHARED, build_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jobwidgets.emulator.api.column_executor import Fields
    from jobwidgets.emulator.simulation.world import Caller, World

_KEPT = 256
_KEPT_LENGTH = 100_000
_MOST_TOKENS = 50_000
_META = frozenset({"__schema", "__type"})


@cache
def read_schema() -> GraphQLSchema:
    """Return the schema of the service; built once."""
    return build_schema(resources.files("jobwidgets.emulator").joinpath("aiware.graphql").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request's document, read and checked: what it asks, or the errors it has."""

    errors: tuple[GraphQLError, ...] = ()
    document: DocumentNode | None = None
    operation: OperationDefinitionNode | None = None
    fragments: Mapping[str, FragmentDefinitionNode] | None = None
    roots: tuple[str, ...] = ()
    depth: int = 0

    @property
    def operations(self) -> list[str]:
        """The root fields it asks, each once."""
        return list(dict.fromkeys(self.roots))


def _prepare(text: str, name: str | None) -> Prepared:
    """Read and check a document."""
    try:
        document = parse(text, max_tokens=_MOST_TOKENS)
        problems = validate(read_schema(), document, max_errors=20)
    except GraphQLError as problem:
        return Prepared((problem,))
    except RecursionError:
        return Prepared((GraphQLError("The query is nested too deeply"),))
    if problems:
        return Prepared(tuple(problems))
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    wanted = [node for node in operations if name is None or (node.name is not None and node.name.value == name)]
    if len(wanted) != 1:
        return Prepared(
            (
                GraphQLError(
                    "Say by operationName which of the operations to run"
                    if wanted
                    else f"There is no operation {name!r}"
                ),
            )
        )
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    roots = tuple(_root_fields(wanted[0].selection_set, fragments))
    depth = _depth(wanted[0].selection_set, fragments, {})
    return Prepared((), document, wanted[0], fragments, roots, depth)


_prepared_lately = lru_cache(maxsize=_KEPT)(_prepare)


class GraphQL:
    """Answers GraphQL requests from a world."""

    def __init__(self, world: World, login: Callable[[str, str], str]) -> None:
        self._world = world
        self._schema = read_schema()
        self.fields: Fields = build_fields(world, login)
        self._iso = Iso()

    def prepare(self, text: str, name: str | None) -> Prepared:
        """Read and check a document; what was read lately is kept, for all services."""
        return _prepared_lately(text, name) if len(text) <= _KEPT_LENGTH else _prepare(text, name)

    def answer(
        self, prepared: Prepared, variables: Mapping[str, Any] | None, caller: Caller
    ) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the answer."""
        if prepared.errors or prepared.operation is None or prepared.document is None:
            return 400, {"errors": [self._malformed(error) for error in prepared.errors]}
        refusal = self._too_much(prepared)
        if refusal is not None:
            return 400, {"errors": [self.describe(refusal)]}
        operation = prepared.operation
        coerced: Any = get_variable_values(self._schema, operation.variable_definitions or (), dict(variables or {}))
        if isinstance(coerced, list):
            return 400, {"errors": [self._malformed(error) for error in coerced]}
        if _META.intersection(prepared.roots):
            return 200, self._by_execute(prepared, variables, caller)
        return 200, self._by_projection(prepared, coerced, caller)

    def _too_much(self, prepared: Prepared) -> Refusal | None:
        choices = self._world.choices
        if prepared.depth > choices.max_depth:
            return invalid(f"The query is {prepared.depth} levels deep; at most {choices.max_depth} are allowed")
        if choices.max_aliases is not None and len(prepared.roots) > choices.max_aliases:
            return invalid(
                f"The request has {len(prepared.roots)} root fields; at most {choices.max_aliases} are allowed"
            )
        return None

    def _by_projection(self, prepared: Prepared, variables: Any, caller: Caller) -> dict[str, Any]:
        assert prepared.operation is not None  # noqa: S101 - `answer` has looked
        root = self._schema.get_root_type(prepared.operation.operation)
        assert root is not None  # noqa: S101 - validated
        most = self._world.choices.max_cost
        if most is not None:
            cost = self._cost(root, prepared.operation.selection_set, prepared.fragments or {}, variables)
            if cost > most:
                refusal = Refusal(
                    "capacity_exceeded", f"The query may return {cost} records; at most {most} are allowed"
                )
                return {"data": None, "errors": [self.describe(refusal)]}
        projector = Projector(
            self._schema,
            self.fields,
            shared=SHARED,
            fragments=prepared.fragments or {},
            variables=variables,
            caller=caller,
        )
        data = projector.run(root, prepared.operation.selection_set)
        answer: dict[str, Any] = {"data": data}
        if projector.failures:
            answer["errors"] = [self._at(failure) for failure in projector.failures]
        return answer

    def _by_execute(self, prepared: Prepared, variables: Mapping[str, Any] | None, caller: Caller) -> dict[str, Any]:
        """Answer by graphql-core's own execution: what asks for the schema."""
        result = self.execute(prepared, variables, caller)
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [
                self._at(Failure(e.original_error if isinstance(e.original_error, Refusal) else e, tuple(e.path or ())))
                for e in result.errors
            ]
        return answer

    def execute(self, prepared: Prepared, variables: Mapping[str, Any] | None, caller: Caller) -> Any:
        """Return the result of `graphql.execute` over the same fields."""
        fields = self.fields

        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            field = fields[info.parent_type.name][info.field_name]
            return field.get(caller, source, arguments) if field.takes_arguments else field.get(source)

        assert prepared.document is not None  # noqa: S101 - the caller has looked
        assert prepared.operation is not None  # noqa: S101 - the same
        return execute(
            self._schema,
            prepared.document,
            variable_values=dict(variables or {}),
            operation_name=prepared.operation.name.value if prepared.operation.name else None,
            field_resolver=resolve,
        )

    def _cost(
        self, of: Any, selection: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], variables: Any
    ) -> int:
        """Return how many records a selection may return at most."""
        total = 0
        for node in _fields_of(selection, fragments):
            definition = of.fields.get(node.name.value)
            if definition is None or node.selection_set is None:
                continue
            inner = self._cost(get_named_type(definition.type), node.selection_set, fragments, variables)
            arguments = get_argument_values(definition, node, variables) if "limit" in definition.args else {}
            total += (arguments.get("limit") or 1) * (1 + inner) if arguments else inner
        return total

    def describe(self, refusal: Refusal) -> dict[str, Any]:
        """Return the error object of a refusal."""
        return self._error(refusal.name, refusal.message, refusal.data)

    def _malformed(self, error: GraphQLError) -> dict[str, Any]:
        made = self._error("invalid_input", error.message, {})
        if error.locations:
            made["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
        return made

    def _at(self, failure: Failure) -> dict[str, Any]:
        error = failure.error
        made = self.describe(error) if isinstance(error, Refusal) else self._error("invalid_input", error.message, {})
        if self._world.choices.error_path == "present":
            made["path"] = list(failure.path)
        return made

    def _error(self, name: str, message: str, data: Mapping[str, Any]) -> dict[str, Any]:
        number = f"{self._world.chance.getrandbits(64):016x}"
        return {
            "message": message,
            "name": name,
            "time_thrown": self._iso(self._world.now()),
            "data": {**data, "errorId": number},
        }


def _fields_of(selection: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[FieldNode]:
    """Give the fields of a selection, those of its fragments too."""
    for node in selection.selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields_of(fragments[node.name.value].selection_set, fragments)
        else:
            yield from _fields_of(node.selection_set, fragments)  # type: ignore[attr-defined]  # the third kind: an inline fragment


def _root_fields(selection: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> list[str]:
    """Return the name of each root field, one for each response key."""
    keys: dict[str, str] = {}
    for node in _fields_of(selection, fragments):
        keys.setdefault((node.alias or node.name).value, node.name.value)
    return list(keys.values())


def _depth(
    selection: SelectionSetNode | None, fragments: Mapping[str, FragmentDefinitionNode], known: dict[str, int]
) -> int:
    """Return how many levels of fields a selection has; each fragment is measured once."""
    if selection is None:
        return 0
    deepest = 0
    for node in selection.selections:
        if isinstance(node, FieldNode):
            deepest = max(deepest, 1 + _depth(node.selection_set, fragments, known))
        elif isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in known:
                known[name] = _depth(fragments[name].selection_set, fragments, known)
            deepest = max(deepest, known[name])
        else:
            deepest = max(deepest, _depth(node.selection_set, fragments, known))  # type: ignore[attr-defined]  # an inline fragment
    return deepest
