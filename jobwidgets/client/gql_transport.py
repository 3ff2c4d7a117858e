"""gql for users: their own queries, over our wire with its deadlines, its token and its one opinion about writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import gql
import msgspec
from gql.transport import AsyncTransport, Transport
from graphql import ExecutionResult, OperationType, get_operation_ast

from jobwidgets.transport import Request

if TYPE_CHECKING:
    from gql import GraphQLRequest

    from jobwidgets.transport import Portal, ServiceConnection


async def _execute(connection: ServiceConnection, request: GraphQLRequest) -> ExecutionResult:
    """Send one document; a mutation counts as a write, so it is never sent twice by us."""
    operation = get_operation_ast(request.document, request.operation_name)
    write = operation is None or operation.operation is not OperationType.QUERY
    name = operation.name.value if operation is not None and operation.name else "query"
    body = msgspec.json.encode(request.payload)
    reply = await connection.call(Request(name, "POST", connection.url, body, write=write))
    answer: dict[str, Any] = msgspec.json.decode(reply.body)
    return ExecutionResult(data=answer.get("data"), errors=answer.get("errors"), extensions=answer.get("extensions"))


class WireTransport(AsyncTransport):
    """gql's transport on a connection that is open already, and stays open."""

    def __init__(self, connection: ServiceConnection) -> None:
        self._connection = connection

    async def connect(self) -> None:
        """Do nothing: the connection is its owner's."""

    async def close(self) -> None:
        """Do nothing, as above."""

    async def execute(self, request: GraphQLRequest, *_: Any, **__: Any) -> ExecutionResult:
        """Send one document."""
        return await _execute(self._connection, request)

    def subscribe(self, request: GraphQLRequest, *_: Any, **__: Any) -> NoReturn:
        """Refuse: the service has no subscriptions."""
        raise NotImplementedError("the service has no subscriptions: poll instead")


class WaitingTransport(Transport):
    """The same for blocking callers."""

    def __init__(self, connection: ServiceConnection, portal: Portal) -> None:
        self._connection, self._portal = connection, portal

    def execute(self, request: GraphQLRequest, *_: Any, **__: Any) -> ExecutionResult:
        """Send one document and wait for its answer."""
        return self._portal.run(_execute(self._connection, request))


def gql_client(connection: ServiceConnection) -> gql.Client:
    """Make an awaitable gql client."""
    return gql.Client(transport=WireTransport(connection), execute_timeout=None)


def blocking_gql_client(connection: ServiceConnection, portal: Portal) -> gql.Client:
    """Make a blocking gql client."""
    return gql.Client(transport=WaitingTransport(connection, portal))
