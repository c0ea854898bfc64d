"""Connections of HTTP clients, bounded in number, size and time, before anything of a request is believed.

uvicorn limits none of it for httptools: a request's head may have any size and take any time, and a client that does
not read keeps its answer in memory. Here a head has 64 KiB and ten seconds, an answer goes on being read, and a new
connection takes the place of one that has waited longest for a request where there are too many.
"""

import asyncio
import resource
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

import httptools
import msgspec
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

MOST_HEAD_BYTES = 64 * 1024
"""Of the request line and all headers. One chunk of the socket more may be in memory before it is refused."""
HEAD_WITHIN_SECONDS = 10.0
"""From the connection, or from the first byte after an answer, to the end of the head."""
WRITE_WITHIN_SECONDS = 20.0
"""A client takes the whole of what waits for it, or 48 KiB of it, within that time."""
MOST_UNSENT_BYTES = 128 * 1024 * 1024
"""Of all answers together, written and not yet taken by their clients; beyond it the slowest are let go."""
MOST_PIPELINED = 16
"""Requests sent ahead on one connection."""
MOST_CONNECTIONS = 4096
_RESERVED_DESCRIPTORS = 128
"""For the database, files, and connections that are being refused."""
_LEAST_CONNECTIONS = 32
_LINGER_SECONDS = 2.0
"""A client that is refused in the middle of a request may go on sending for so long: a connection that is closed
while bytes arrive is reset, and its client never reads why."""


class Limits(Struct, frozen=True, kw_only=True):
    """How many connections at a time."""

    in_all: int
    of_one_address: int

    @classmethod
    def of_this_process(cls) -> "Limits":
        """Below the descriptors that the process may have; a quarter of them for one address."""
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = MOST_CONNECTIONS if descriptors == resource.RLIM_INFINITY else descriptors - _RESERVED_DESCRIPTORS
        in_all = max(min(room, MOST_CONNECTIONS), _LEAST_CONNECTIONS)
        return cls(in_all=in_all, of_one_address=in_all // 4)


class Connections(ServerState):
    """All connections of one server. `is_proxy` names addresses that many clients share: only the limit in all is
    theirs. `ended` counts, by reason, the connections that were refused or let go."""

    def __init__(self, limits: Limits, is_proxy: Callable[[str], bool]) -> None:
        super().__init__()
        self.ended: Counter[str] = Counter()
        self._limits = limits
        self._is_proxy = is_proxy

    def admit(self, new: "Connection") -> bool:
        """Whether there is room for it, if need be after the end of one that waits for a request."""
        if len(self.connections) <= self._limits.of_one_address:
            return True
        if not self._is_proxy(new.host):
            same = [each for each in self._all() if each.address == new.address]
            if not self._made_room(same, self._limits.of_one_address, new):
                return False
        return self._made_room(list(self._all()), self._limits.in_all, new)

    def sweep(self, now: float) -> None:
        """End what takes too long. To be called once a second."""
        unsent: list[tuple[float, int, Connection]] = []
        for each in list(self._all()):
            since, size = each.unsent(now)
            if size and now - since > WRITE_WITHIN_SECONDS:
                self.end(each, "answer not read")
            elif size:
                unsent.append((since, size, each))
            each.end_late(now)
        total = sum(size for _, size, _ in unsent)
        for _, size, each in sorted(unsent, key=lambda one: one[:2]):
            if total <= MOST_UNSENT_BYTES:
                break
            total -= size
            self.end(each, "too much unread")

    def end(self, connection: "Connection", reason: str) -> None:
        """Let go of it at once, and of what was written to it."""
        self.ended[reason] += 1
        self.connections.discard(connection)
        connection.transport.abort()

    def _made_room(self, among: "list[Connection]", most: int, new: "Connection") -> bool:
        if len(among) <= most:
            return True
        waiting = [each for each in among if each is not new and not each.is_answering]
        if not waiting:
            self.ended["too many connections"] += 1
            return False
        self.end(min(waiting, key=lambda each: each.waiting_since), "place taken")
        return True

    def _all(self) -> "Iterable[Connection]":
        return (each for each in self.connections if isinstance(each, Connection))


class Connection(HttpToolsProtocol):
    """uvicorn's, with the limits of its `Connections`."""

    server_state: Connections
    address = ""
    """Of the client, as `network_of` counts."""
    waiting_since = 0.0
    """When it was opened, or its last answer ended."""
    _head_since: float | None = None
    """When the head that arrives began; None where none does."""
    _in_head = True
    _heads = 0
    _head_bytes = 0
    """Of the head that arrives, as far as it was parsed."""
    _unparsed_bytes = 0
    """Of the chunks that ended no head."""
    _refusal: tuple[int, str] | None = None
    _lingers_until: float | None = None
    _unsent_since: float | None = None

    @property
    def host(self) -> str:
        """The client's address, empty where it has none."""
        return self.client[0] if self.client is not None else ""

    @property
    def is_answering(self) -> bool:
        """Whether a request of it is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def unsent(self, now: float) -> tuple[float, int]:
        """Since when its client has not read on, and how many bytes wait for it."""
        size = self.transport.get_write_buffer_size()
        if not size:
            self._unsent_since = None
        elif self._unsent_since is None:
            self._unsent_since = now
        return self._unsent_since or now, size

    def end_late(self, now: float) -> None:
        """Refuse the head that has taken too long; close what has been refused."""
        if self._lingers_until is not None:
            if now > self._lingers_until:
                self.transport.abort()
        elif self.transport.is_closing() or self.is_answering or self._head_since is None:
            return
        elif now - self._head_since > HEAD_WITHIN_SECONDS:
            self.server_state.ended["request too slow"] += 1
            self._refuse(408, f"the request was not there within {HEAD_WITHIN_SECONDS:.0f} s")
            self.transport.close()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it up where there is room."""
        super().connection_made(transport)
        self.address = network_of(self.host)
        self._head_since = self.waiting_since = self.loop.time()
        if not self.server_state.admit(self):
            self._refuse(503, "too many connections: try again later", "Retry-After: 5\r\n")
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Parse it, as far as it is within the limits."""
        if self._lingers_until is not None:
            return
        if self._head_since is None and not self.is_answering:
            self._head_since = self.loop.time()
        was_in_head, heads = self._in_head, self._heads
        super().data_received(data)
        if not self._in_head or self.transport.is_closing() or self._lingers_until is not None:
            return
        # a parser gives a header once it is whole: till then only the chunks are known
        self._unparsed_bytes = self._unparsed_bytes + len(data) if was_in_head and heads == self._heads else 0
        if self._unparsed_bytes > MOST_HEAD_BYTES:
            self._refusal = _TOO_LARGE
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._measure(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._measure(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The end of a head: it is answered, or waits for its turn."""
        if len(self.pipeline) >= MOST_PIPELINED:
            raise _TooMuch
        self._in_head, self._head_since, self._unparsed_bytes = False, None, 0
        self._heads += 1
        if not self.url.startswith((b"/", b"*")):  # a target with a host of its own: it counts (RFC 9112 §3.2.2)
            host = httptools.parse_url(self.url).host or b""
            self.headers[:] = [each for each in self.headers if each[0] != b"host"]
            self.headers.append((b"host", b"[%b]" % host if b":" in host else host))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.waiting_since, self._head_since = self.loop.time(), None
        super().on_response_complete()

    def resume_writing(self) -> None:
        """The client has read most of what waited for it."""
        self._unsent_since = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """It has waited long enough for another request; an answer that waits for it has its own time."""
        if self.transport.get_write_buffer_size():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls where parsing fails, for whatever reason."""
        status, message = self._refusal or (400, msg)
        if self.is_answering:  # in the middle of another answer no other can begin
            self.server_state.end(self, "bad request")
            return
        self._refuse(status, message)
        self._lingers_until = self.loop.time() + _LINGER_SECONDS
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _measure(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refusal = _TOO_LARGE
            raise _TooMuch

    def _refuse(self, status: int, message: str, headers: str = "") -> None:
        body = msgspec.json.encode({"code": status, "message": message})
        head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head.encode() + body)


class _TooMuch(Exception):
    """Ends the parsing; the parser hands it on as an error of its own."""


_TOO_LARGE = (431, f"the request's head has more than {MOST_HEAD_BYTES} bytes")


@lru_cache(maxsize=4096)
def network_of(host: str) -> str:
    """What one client has of addresses: one of IPv4, a /64 of IPv6."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
