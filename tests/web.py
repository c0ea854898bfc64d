"""A web server of a test's own, on loopback: answers by script, keeps what it was asked, and can hang."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Reply = tuple[int, bytes]


class Web:
    """`replies` by path, each a list whose last one is given again and again. What is not there is a 404."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.asked: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.replies: dict[str, list[Reply]] = {}
        self.released = threading.Event()
        """What hangs goes on once this is set."""

    def reply(self, path: str, *replies: int | Reply) -> None:
        """Answer a path so, one after the other. A number is a status with an empty body."""
        self.replies[path] = [(one, b"") if isinstance(one, int) else one for one in replies]

    def vector(self, *values: str) -> None:
        """Answer Prometheus' queries with one of these after the other, each a vector of one element."""
        self.reply("/api/v1/query", *((200, result("vector", [_element(value)])) for value in values))

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [path for _, path, _, _ in self.asked]

    def queries(self) -> list[str]:
        """The PromQL that was asked."""
        return [query for path in self.paths() for query in parse_qs(urlsplit(path).query).get("query", [])]


def result(kind: str, value: Any) -> bytes:
    """A successful answer of Prometheus."""
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": value}}).encode()


def _element(value: str) -> dict[str, Any]:
    return {"metric": {}, "value": [1700000000.5, value]}


@contextmanager
def web() -> Iterator[Web]:
    """A server, until the end of the block.

    `/hang` never answers, `/wait` not before `released`, `/drip` sends a byte of its head now and then.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.socket.listen(128)
    server.block_on_close = False
    made = Web(server)
    server.RequestHandlerClass = _bound(made)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _bound(made: Web) -> Callable[..., BaseHTTPRequestHandler]:
    return type("_Bound", (_Handler,), {"web": made})


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.web.asked.append((self.command, self.path, body, headers))
        path = self.path.partition("?")[0]
        if path == "/hang":
            self.web.released.wait()
            return
        if path == "/wait":
            self.web.released.wait()
        if path == "/drip":
            self._drip()
            return
        script = self.web.replies.get(path, [(404, b"")])
        status, body = script.pop(0) if len(script) > 1 else script[0]
        self.send_response(status)
        if status in (301, 302, 307):
            self.send_header("Location", body.decode())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return  # it has heard enough

    do_POST = do_GET  # noqa: N815  # the base class calls it so

    def _drip(self) -> None:
        try:
            while not self.web.released.wait(0.05):
                self.wfile.write(b"H")
        except OSError:
            return

    def log_message(self, *args: Any) -> None:
        """A test says what it looks at."""
