"""The bytes: the only module that knows the HTTP library."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import urllib.request
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from httpx_aiohttp.transport import AiohttpResponseStream

from jobwidgets._internal import sanitize
from jobwidgets.transport.config import LOOPBACK
from jobwidgets.transport.messages import Reply, Request, TransportFailure

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Hashable

    from jobwidgets._internal import Secret

MAX_CONNECTIONS = 32
LARGEST_BODY = 256 * 2**20
CONNECT_TIMEOUT_S = 10.0  # seconds
KEEP_ALIVE = 4.0  # seconds: shorter than servers wait, so that a write seldom meets a connection that is being closed
REDACT_MAX_BYTES = 2**20  # bytes
READ_CHUNK_BYTES = (
    2**20
)  # bytes: a page of a list is as large, and each piece that it comes in costs as much as its bytes
LONGEST_WAIT = 7 * 86400.0  # seconds: whoever asks for more, by a slip perhaps, is not taken at his word
SHORTEST_TOKEN = 8  # letters: what is shorter is no secret, and stands in every text

_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class TooLargeError(Exception):
    """A body beyond every reason."""


class _Stream(AiohttpResponseStream):
    CHUNK_SIZE = READ_CHUNK_BYTES


class _Transport(AiohttpTransport):
    """Reads answers in large pieces."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if isinstance(response.stream, AiohttpResponseStream):
            response.stream = _Stream(response.stream._aiohttp_response)  # noqa: SLF001  the same answer, in larger pieces
        return response


class HttpTransport:
    """Sends requests with the token, each under a deadline that holds, and gives back values, never exceptions.

    Parameters
    ----------
    token : Secret
        Goes into one header of each request and nowhere else.
    app : callable, optional
        An ASGI application that answers in this process instead of a socket.
    ready : callable, optional
        Waited for by whoever has a place, before anything leaves: the service may have asked to be left alone.
    """

    def __init__(self, token: Secret, *, app: Any = None, ready: Callable[[], Awaitable[None]] | None = None) -> None:
        self._token = token
        self._app = app
        self._ready = ready
        self._http: httpx.AsyncClient | None = None
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    @property
    def identity(self) -> Hashable:
        """What tells whether two wires speak for the same account; its parts never print."""
        return self._token, id(self._app)

    @property
    def token(self) -> Secret:
        """What it sends with each request, in a value that never prints."""
        return self._token

    async def send(self, request: Request, timeout: float) -> Reply | TransportFailure:  # noqa: ASYNC109  the deadline is a value of the flow
        """Send one request and read its whole answer, or say why there is none.

        Parameters
        ----------
        request : Request
            What to send.
        timeout : float
            Seconds for everything: waiting for a place, connecting, sending, the last byte of the answer.
        """
        answer = await self._sent(request, timeout)
        if answer is None:
            raise asyncio.CancelledError  # anew: the frames of the first one hold the token
        return answer

    async def _sent(self, request: Request, timeout: float) -> Reply | TransportFailure | None:  # noqa: ASYNC109  as above
        """Send, and turn whatever happens into a value; None says that the caller does not want it any more."""
        began = False
        try:
            async with asyncio.timeout(timeout), self._places:
                if self._ready is not None:
                    await self._ready()
                began = True
                return await self._once(request)
        except asyncio.CancelledError:
            return None
        except TimeoutError:
            return TransportFailure(sent=began, why=f"no answer within {timeout:.3g} s", timed_out=True)
        except TooLargeError:
            return TransportFailure(sent=True, why=f"an answer of more than {LARGEST_BODY >> 20} MB")
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, zlib.error) as error:
            # httpx-aiohttp calls every lost connection a ConnectTimeout: only aiohttp's own word says "not sent"
            cause = error.__cause__ or error
            return TransportFailure(sent=not isinstance(cause, _NOT_SENT), why=_why(cause))
        except Exception as error:  # noqa: BLE001  frames below hold the token: no traceback of theirs goes up, ever
            return TransportFailure(sent=True, why=f"the HTTP library failed with {type(error).__name__}")

    async def _once(self, request: Request) -> Reply:
        http = self._client(request.url)
        async with http.stream(
            request.method,
            request.url,
            content=request.body,
            headers={"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {},
        ) as response:
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > LARGEST_BODY:
                    raise TooLargeError
                chunks.append(chunk)
            headers = response.headers
            return Reply(
                status=response.status_code,
                body=self._redacted(b"".join(chunks)),
                retry_after=_retry_after(headers.get("retry-after"), _date(headers.get("date"))),
                date=_date(headers.get("date")),
            )

    def _redacted(self, body: bytes) -> bytes:
        """Take the token out of an answer that repeats it: errors are shown."""
        if not self._token or len(body) > REDACT_MAX_BYTES:
            return body
        token = self._token.reveal().encode()
        return body.replace(token, b"(token)") if len(token) >= SHORTEST_TOKEN and token in body else body

    def _client(self, url: str) -> httpx.AsyncClient:
        if self._http is None:
            transport: httpx.AsyncBaseTransport
            if self._app is not None:
                transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
            else:
                context = _ssl_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
                transport = _Transport(
                    verify=context,
                    proxy=_proxy(url),
                    client=lambda: aiohttp.ClientSession(
                        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE, ssl=context),
                        cookie_jar=aiohttp.DummyCookieJar(),
                        read_bufsize=READ_CHUNK_BYTES,
                    ),
                )
            self._http = httpx.AsyncClient(
                transport=transport,
                trust_env=False,  # of the environment only the proxies are taken, and no password file
                # every exchange runs under asyncio.timeout, which also bounds a trickle; this one tells "not reached"
                timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
                follow_redirects=False,  # a token is never carried to another host
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                    "User-Agent": "jobwidgets",
                },
            )
        return self._http

    def with_token(self, token: Secret) -> HttpTransport:
        """Make a wire to the same place with another token."""
        return HttpTransport(token, app=self._app, ready=self._ready)

    async def close(self) -> None:
        """Close the connections; a later `send` opens new ones."""
        if self._http is not None:
            http, self._http = self._http, None
            with contextlib.suppress(RuntimeError):  # a transport that never sent anything has nothing to close
                await http.aclose()


@functools.cache
def _ssl_context(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Load the trusted certificates once for all clients; each time takes some 40 ms of a processor.

    The arguments are the environment variables from which httpx takes them in place of its own.
    """
    return httpx.create_ssl_context()


def _proxy(url: str) -> httpx.Proxy | None:
    """Find the environment's proxy; none ever stands between a machine and itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    return httpx.Proxy(found) if found else None


def _why(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its certificate cannot be trusted"
    if isinstance(error, _NOT_SENT):
        return f"it cannot be reached ({sanitize(getattr(error, 'strerror', None) or error)})"
    return f"the connection broke ({sanitize(error) or type(error).__name__})"


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _retry_after(text: str | None, date: datetime | None) -> float | None:
    """Read Retry-After: seconds, or a date, which is compared with the service's own clock."""
    if not text:
        return None
    with contextlib.suppress(ValueError):
        return min(max(0.0, float(text)), LONGEST_WAIT)
    until = _date(text)
    left = (until - (date or datetime.now(UTC))).total_seconds() if until else None
    return None if left is None else min(max(0.0, left), LONGEST_WAIT)
