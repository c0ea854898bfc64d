"""`http.server` with limits: in the number of connections, in a request's size, and in its time."""

import contextlib
import socket
import sys
import threading
import time
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MOST_HEAD_BYTES = 64 * 1024
ENDS_WITHIN_SECONDS = 10.0
"""From the connection to the end of its answer."""
MOST_CONNECTIONS = 32
"""Each has a thread. One more takes the place of the oldest."""


class BoundedServer(ThreadingHTTPServer):
    """One thread a connection, one request a connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: "type[BoundedHandler]") -> None:
        self._lock = threading.Lock()
        self._since: dict[socket.socket, float] = {}
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # the base class's types
        """Answer it in a thread of its own."""
        with self._lock:
            if len(self._since) >= MOST_CONNECTIONS:
                self._hang_up(next(iter(self._since)))
            self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401
        """Close it, once it is answered or given up."""
        with self._lock:
            self._since.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """End what takes too long. The base class calls this twice a second, and after each connection."""
        late = time.monotonic() - ENDS_WITHIN_SECONDS
        with self._lock:
            for request in [request for request, since in self._since.items() if since < late]:
                self._hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """A client that has gone, or was let go, is no error of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def _hang_up(self, request: socket.socket) -> None:
        """Its thread reads an end, and closes it."""
        del self._since[request]
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)


class BoundedHandler(BaseHTTPRequestHandler):
    """Answers one request, whose head has a limit."""

    timeout = 5  # of one read or write

    def setup(self) -> None:
        """Count what is read."""
        super().setup()
        self._readline, self._read_bytes = self.rfile.readline, 0
        self.rfile.readline = self._read_line  # type: ignore[method-assign]

    def _read_line(self, size: int | None = -1, /) -> bytes:
        line = self._readline(size)
        self._read_bytes += len(line)
        if self._read_bytes > MOST_HEAD_BYTES + 1:  # of the request line alone the base class finds that it is too long
            raise LineTooLong("head")  # which the base class answers with 431
        return line
