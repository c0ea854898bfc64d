"""The id of a request, for logs and answers: the client's `X-Request-Id` where it is a plain word, else a new one."""

import re
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.types import Scope

HEADER = "X-Request-Id"
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(scope: Scope) -> str:
    """The id that this request has."""
    given = Headers(scope=scope).get(HEADER, "")
    return given if _PLAIN.fullmatch(given) else uuid4().hex
