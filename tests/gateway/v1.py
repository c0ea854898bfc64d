"""A client of the v1 interface, as those that exist: a plugin of Jenkins, scripts with curl."""

import json
from typing import Any

from httpx2 import Response

from tests.gateway.given import Asked

JSON = "application/json"
V1 = "application/vnd.deploydb.v1+json"
ARTIFACT = {"group": "com.example", "name": "foo", "version": "1.0", "sourceUrl": "http://repo/foo-1.0.jar"}


def send(
    asked: Asked, method: str, path: str, fields: object = None, *, content: bytes | None = None, **headers: str
) -> Response:
    """A write with a body of JSON, or with this content; waits up to 20 s for its effect."""
    body = json.dumps(fields).encode() if content is None else content
    return asked.ask(path, method=method, content=body, **{"content_type": JSON, "prefer": "wait=20", **headers})


def sent(asked: Asked, method: str, path: str, fields: object, status: int) -> dict[str, Any]:
    """The body of an answer with this status."""
    answer = send(asked, method, path, fields)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == JSON
    body: dict[str, Any] = answer.json()
    return body
