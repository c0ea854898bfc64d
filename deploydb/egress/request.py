"""One request, and its answer."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.util import Url, make_headers, parse_url

from deploydb import __version__
from deploydb.domain.formatting import in_words
from deploydb.domain.model.requests import Answer, NoAnswer, Request
from deploydb.domain.templates import has_dot_segment
from deploydb.egress.addresses import Address, EgressPolicy

_CHUNK_BYTES = 8192

Resolve = Callable[[str, int], list[Address]]


class Client:
    """Sends requests, from any thread. `resolve` is for tests."""

    def __init__(
        self, allowed: EgressPolicy, *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve or _resolve
        self._tls = tls

    def ask(self, request: Request) -> Answer | NoAnswer:
        """The answer, or the reason for none. A redirect is an answer.

        Returns within about `timeout`; the resolver of the machine has a timeout of its own.
        """
        deadline = time.monotonic() + request.timeout.total_seconds()
        try:
            url = parse_url(request.url)
        except HTTPError:
            return NoAnswer(reason="its URL cannot be read", asked=False, sent=False)
        if url.scheme not in ("http", "https") or not url.host:
            return NoAnswer(reason="its URL names no http or https host", asked=False, sent=False)
        if has_dot_segment(urlsplit(request.url).path):  # before urllib3 or the server resolves it
            return NoAnswer(reason="its URL has the path segment . or ..", asked=False, sent=False)
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.host.strip("[]")
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            message = error.strerror if isinstance(error, OSError) else None
            return NoAnswer(reason=f"{host} cannot be resolved: {message or 'not a host name'}", sent=False)
        refusals = filter(None, (self._allowed.refusal(host, address) for address in addresses))
        refusal = next(refusals, None)  # one is enough: a name with a public and a private address is a trap
        if refusal is not None:
            return NoAnswer(reason=refusal, asked=False, sent=False)
        reason = f"{host} has no address"
        for address in addresses:
            left = deadline - time.monotonic()
            if left <= 0:
                return _too_slow(request, sent=False)
            connection = self._connection(url, host, address, port, left)
            try:
                connection.connect()
            except (OSError, HTTPError, ValueError) as error:
                connection.close()
                reason = _why(error, request)
                continue
            try:
                return _exchange(connection, url, request, deadline)
            finally:
                connection.close()
        return NoAnswer(reason=reason, sent=False)

    def _connection(self, url: Url, host: str, address: Address, port: int, left: float) -> HTTPConnection:
        if url.scheme == "http":
            return HTTPConnection(str(address), port, timeout=left)
        tls = self._tls or _tls_of_this_machine()
        return HTTPSConnection(str(address), port, timeout=left, ssl_context=tls, server_hostname=host)


@cache
def _tls_of_this_machine() -> ssl.SSLContext:
    """With the authorities that it trusts. To read them takes 30 ms: not before they are needed, and once."""
    return ssl.create_default_context()


def _exchange(connection: HTTPConnection, url: Url, request: Request, deadline: float) -> Answer | NoAnswer:
    begun = False
    with _ended_by(connection, deadline) as late:
        try:
            body = None if request.body is None else request.body.encode()
            connection.request(
                request.method,
                url.request_uri,
                body=body,
                headers=_headers(url, request),
                preload_content=False,
                decode_content=False,
            )
            begun = True
            response = connection.getresponse()
            taken = bytearray()
            # a status without a body has none, whatever its length header
            for chunk in response.stream(_CHUNK_BYTES, decode_content=False):
                taken += chunk
                if len(taken) > request.limit_bytes:
                    break
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            sent = begun or isinstance(error, OSError | HTTPError | HTTPException)  # headers are checked before
            return _too_slow(request) if late() else NoAnswer(reason=_why(error, request), sent=sent)
    if late():  # a body without a length seems complete where the connection was cut
        return _too_slow(request)
    complete = len(taken) <= request.limit_bytes
    beginning, again = bytes(taken[: request.limit_bytes]), response.headers.get("retry-after")
    headers = {name: response.headers[name] for name in request.keep if name in response.headers}
    return Answer(status=response.status, body=beginning, complete=complete, retry_after=again, headers=headers)


@contextmanager
def _ended_by(connection: HTTPConnection, deadline: float) -> Iterator[Callable[[], bool]]:
    """Cut the connection at the deadline: a socket's own timeout starts again with each byte."""
    over = threading.Event()
    opened = connection.sock

    def cut() -> None:
        over.set()
        try:
            # of the socket below TLS: SSLSocket.shutdown would remove the state of the reading thread
            socket.socket.shutdown(opened, socket.SHUT_RDWR)
        except OSError:
            return  # closed already

    timer = threading.Timer(max(deadline - time.monotonic(), 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield over.is_set
    finally:
        timer.cancel()


def _headers(url: Url, request: Request) -> dict[str, str]:
    usual = {"host": url.netloc or "", "user-agent": f"deploydb/{__version__}", "accept": "*/*"}
    if request.body is not None:
        usual["content-type"] = "application/json"
    if url.auth is not None:
        usual |= make_headers(basic_auth=unquote(url.auth))
    named = {name.lower(): value.encode().decode("latin-1") for name, value in request.headers}  # sent as UTF-8
    return {name.title(): value for name, value in (usual | named).items()}  # some receivers compare names with case


def _resolve(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = (str(address[0]).partition("%")[0] for *_, address in found)
    return [ip_address(text) for text in dict.fromkeys(texts)]


def _too_slow(request: Request, *, sent: bool = True) -> NoAnswer:
    return NoAnswer(reason=f"timed out after {in_words(request.timeout)}", sent=sent)


def _why(error: Exception, request: Request) -> str:
    """The error in words without addresses and counters, the same for the same trouble."""
    cause = error.__cause__ if isinstance(error, NewConnectionError) else error
    match cause:
        case TimeoutError() | ConnectTimeoutError() | ReadTimeoutError():
            return _too_slow(request).reason
        case ConnectionRefusedError():
            return "connection refused"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {cause.verify_message}"
        case ssl.SSLError():
            return f"TLS fails: {cause.reason or 'the peer ends it'}"
        case ConnectionError() | HTTPError() | HTTPException():
            return f"the connection broke off ({type(cause).__name__})"
        case OSError():
            return f"cannot connect: {cause.strerror or type(cause).__name__}"
        case _:
            return "cannot be asked: a header of it is none"  # without the text: a header may be a secret
