"""A client of the service."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from httpx2 import Response
from starlette.testclient import TestClient

from deploydb.query.app import application
from tests.scenario import Scenario


class Service:
    """The application on a world's store; its catalog is the world's, whatever it is at the time."""

    def __init__(self, world: Scenario) -> None:
        self.world = world
        self.problems: list[str] = []
        self._threads = ThreadPoolExecutor(4)
        self.app = application(
            world.engine,
            lambda: world.catalog,
            log=structlog.get_logger(),
            problems=lambda: self.problems,
            threads=self._threads,
            clock=lambda: world.now,
        )
        self._client = TestClient(self.app, raise_server_exceptions=False, follow_redirects=False)

    def __enter__(self) -> "Service":
        self._client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.__exit__()
        self.app.state.dora.close()
        self._threads.shutdown()

    def ask(self, path: str, lines: Sequence[tuple[str, str]] = (), *, method: str = "GET", **headers: str) -> Response:
        """The answer, whatever it is. `lines` are headers too, of which there may be several with one name."""
        return self._client.request(method, path, headers=[*lines, *headers.items()])

    def get(self, path: str) -> Any:
        """The body of an answer that must be a good one."""
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.content)

    def refusal(self, path: str, *, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Code and message of an answer that must be an error, in the shape of all errors."""
        answer = self.ask(path, (), method=method, **headers)
        body = json.loads(answer.content)
        assert list(body) == ["code", "message"]
        assert body["code"] == answer.status_code
        assert answer.headers["content-type"] == "application/json"
        return answer.status_code, body["message"]
