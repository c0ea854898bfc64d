"""A tool's server on loopback: each tool fills in what it answers; what goes wrong is by script."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

Trouble = Literal["lose", "hang"] | int
"""`lose`: the request is taken, and the connection ends without an answer. `hang`: it is taken, and answered once the
server is released. A number: a status, and the request is not taken."""


class Asked(Struct, frozen=True, kw_only=True):
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body, keep_blank_values=True).items()}


class Reply(Struct, frozen=True, kw_only=True):
    """An answer; a document is JSON."""

    status: int = 200
    document: Any = None
    text: str | None = None
    headers: Mapping[str, str] = {}


class ToolServer:
    """A tool. `troubles`: what goes wrong with the next requests of a method and a part of the path."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.troubles: dict[tuple[str, str], list[Trouble]] = {}
        self.retry_after: str | None = None
        self.released = threading.Event()
        self.lock = threading.RLock()

    def answer(self, asked: Asked) -> Reply:
        """What the tool answers, and does."""
        raise NotImplementedError

    def goes_wrong(self, method: str, path: str, *troubles: Trouble) -> None:
        """The next requests meet these, one after the other."""
        self.troubles[method, path] = list(troubles)

    def count(self, method: str, path: str) -> int:
        """How many requests there were."""
        return sum(one.method == method and path in one.path for one in list(self.asked))

    def trouble_of(self, asked: Asked) -> Trouble | None:
        for (method, path), left in self.troubles.items():
            if method == asked.method and path in asked.path and left:
                return left.pop(0)
        return None


Tool = TypeVar("Tool", bound=ToolServer)


@contextmanager
def serving(tool: Tool) -> Iterator[Tool]:
    """The tool, at its URL, until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"tool": tool}))
    server.daemon_threads = True
    server.block_on_close = False
    tool.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield tool
    finally:
        tool.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    tool: ToolServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=url.path,
            query={name: values[-1] for name, values in parse_qs(url.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(),
        )
        with self.tool.lock:
            self.tool.asked.append(asked)
            trouble = self.tool.trouble_of(asked)
            reply = Reply(status=trouble) if isinstance(trouble, int) else self.tool.answer(asked)
        if trouble == "lose":
            self.close_connection = True
            return
        if trouble == "hang":
            self.tool.released.wait()
        self._send(reply)

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815  # the base class calls them so

    def _send(self, reply: Reply) -> None:
        body = b"" if reply.document is None else json.dumps(reply.document).encode()
        body = body if reply.text is None else reply.text.encode()
        headers = {"Content-Length": str(len(body)), **reply.headers}
        if reply.status in (429, 503) and self.tool.retry_after is not None:
            headers["Retry-After"] = self.tool.retry_after
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            return  # it has heard enough

    def log_message(self, *args: Any) -> None:
        """A test says what it looks at."""
