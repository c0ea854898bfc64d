"""Questions to the query service."""

import http.client
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import click
from msgspec import Struct

from deploydb.domain.model.errors import NotAllowed, NotFound, Permanent, Transient
from deploydb.domain.model.trace import trace_context
from deploydb.domain.unsafe_characters import in_one_line
from deploydb.query.views import view
from deploydb.settings import from_environment

TIMEOUT_SECONDS = 10.0
POST_SECONDS = 20.0
"""The gateway waits 10 s for the broker's confirm."""
SILENCE_SECONDS = 40.0
"""A stream that says nothing for so long is dead: the service says that it lives every 15 s."""

Body = dict[str, Any]


_MEMBER = {
    "status": "lanes",
    "why": "stages",
    "check": "counts",
    "effect": "counts",
    "names": "unknown",
    "people": "people",
    "history": "deployments",
    "events": "events",
    "accept": "counts",
    "rollback": "possible",
    "retry": "possible",
    "diff": "differences",
    "artifacts": "version",
    "deployments": "status",
    "flows": "deployments",
    "services": "ident",
    "environments": "ident",
    "pipelines": "ident",
    "operations": "outbox",
    "sessions": "source",
}
"""What each resource's answer has, but for those of views: some other service's answer has it not."""


def trace_headers() -> dict[str, str]:
    """The headers of what is sent from a step of a trace that `TRACEPARENT` and `TRACESTATE` name."""
    place = trace_context(os.environ.get("TRACEPARENT"), os.environ.get("TRACESTATE"))
    return place.headers() if place is not None else {}


def ask(*path: str, **parameters: object) -> Body:
    """The answer to `/api/PATH…?PARAMETERS`; those that are None are left out.

    Raises: NotFound with the service's words; NotAllowed; UsageError for a parameter that cannot be; Permanent for
    another refusal; Transient where no service answers.
    """
    body, _ = _answer(path, parameters)
    if not isinstance(body, dict) or (_MEMBER.get(path[0]) or view(path[0]).command.member) not in body:
        raise _stranger(from_environment().url)
    return body


def ask_why(service: str, environment: str, **parameters: object) -> Body:
    """The answer of `why` about a version that has a deployment there.

    Raises: as `ask`; NotFound also for a version that the pipeline does not take.
    """
    body = ask("why", service, environment, **parameters)
    if "branch" in body:
        raise NotFound(str(body["answer"]))
    return body


def ask_all(*path: str, **parameters: object) -> list[Body]:
    """The answer to `/api/PATH…?PARAMETERS` that is a list. Raises: as `ask`."""
    body, _ = _answer(path, parameters)
    if not isinstance(body, list) or not all(isinstance(one, dict) for one in body):
        raise _stranger(from_environment().url)
    return body


def post(path: str, fields: Mapping[str, object], *, key: str) -> Body:
    """The answer to an order that is posted to `path`; sent again with the same key it counts once.

    Raises: as `ask`.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": key, "Prefer": "wait=0", **trace_headers()}
    *_, name = path.split("/")
    with _asked((name,), {}, timeout=POST_SECONDS, headers=headers, body=json.dumps(fields).encode()) as answer:
        body = json.load(answer)
    if not isinstance(body, dict) or "stored" not in body:
        raise _stranger(from_environment().url)
    return body


@contextmanager
def where_answered(question: str) -> Iterator[None]:
    """Check something with the query service. Without an answer, say that the question is open, and go on."""
    try:
        yield
    except Transient as error:
        click.echo(f"{question} could not be checked: {error}", err=True)


class Moment(Struct, frozen=True, kw_only=True):
    """Another clock, read between two readings of ours. `unit`: its resolution."""

    before: datetime
    theirs: datetime
    after: datetime
    unit: timedelta = timedelta(0)

    @property
    def apart(self) -> timedelta:
        """How far from ours it is at the least."""
        return max(self.theirs - self.after, self.before - self.theirs - self.unit, timedelta(0))


def meet() -> tuple[str, Moment | None]:
    """The version of the query service, and its clock where the answer has it. Raises: as `ask`."""
    before = datetime.now(UTC)
    body, headers = _answer(("openapi.json",), {})
    after = datetime.now(UTC)
    try:
        version = str(body["info"]["version"])
        date = headers["Date"]
        theirs = parsedate_to_datetime(date).astimezone(UTC) if date else None
    except (KeyError, TypeError, ValueError) as error:
        raise _stranger(from_environment().url) from error
    second = timedelta(seconds=1)
    return version, Moment(before=before, theirs=theirs, after=after, unit=second) if theirs is not None else None


def changes(**parameters: object) -> Iterator[None]:
    """Once at the beginning, and whenever `/api/stream` tells of something new; ends where the service ends it.

    Raises: as `ask`.
    """
    headers = {"Accept": "text/event-stream"}
    with _asked(("stream",), parameters, timeout=SILENCE_SECONDS, headers=headers) as answer:
        for line in answer:
            if line.startswith(b"data:"):
                yield


def _answer(path: Sequence[str], parameters: Mapping[str, object]) -> tuple[Any, Message]:
    """The JSON of an answer, and its headers."""
    with _asked(path, parameters, timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer), answer.headers


@contextmanager
def _asked(
    path: Sequence[str],
    parameters: Mapping[str, object],
    *,
    timeout: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """An answer to be read; to a POST where there is a body. Raises: as `ask`, while it is read, too."""
    given = from_environment()
    base = given.url
    if not base.startswith(("http://", "https://")):
        raise Permanent(f"DEPLOYDB_URL is {base}: expected http://HOST:PORT")
    address = base + _target(path, {name: value for name, value in parameters.items() if value is not None})
    try:
        sent = {"Accept": "application/json", **(headers or {})}
        request = Request(address, data=body, headers=sent)  # noqa: S310  # checked above
        if given.token:
            request.add_unredirected_header("Authorization", f"Bearer {given.token}")  # for this service alone
        with urlopen(request, timeout=timeout) as answer:  # noqa: S310
            yield answer
    except HTTPError as error:
        raise _refusal(error, address) from error
    except http.client.InvalidURL as error:
        raise Permanent(f"DEPLOYDB_URL is {base}: expected http://HOST:PORT ({error})") from error
    except (URLError, TimeoutError, http.client.HTTPException, OSError) as error:
        cause = getattr(error, "reason", error)
        raise Transient(
            f"no answer from {base} ({cause}): is DeployDB running there? `deploydb up` starts it here; "
            "DEPLOYDB_URL says where it is"
        ) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _stranger(base) from error
    except ValueError as error:  # of the address
        raise Permanent(f"DEPLOYDB_URL is {base}: expected http://HOST:PORT ({error})") from error


def _target(path: Sequence[str], parameters: Mapping[str, object]) -> str:
    """The address below the service's. Raises: UsageError for an empty name; Permanent for one that is not UTF-8."""
    empty = [*(["a name"] if "" in path else []), *(name for name, value in parameters.items() if value == "")]
    if empty:
        raise click.UsageError(f"{empty[0]} is empty: give it a value, or leave it out")
    try:
        query = urlencode(parameters)
        return f"/api/{'/'.join(quote(part, safe='') for part in path)}{'?' if query else ''}{query}"
    except UnicodeEncodeError as error:
        raise Permanent(f"{error.object!r} is not UTF-8") from error


def _stranger(base: str) -> Permanent:
    return Permanent(f"{base} does not answer as DeployDB does: check DEPLOYDB_URL")


def _refusal(error: HTTPError, address: str) -> Exception:
    try:
        message = in_one_line(str(json.load(error)["message"]))
    except (ValueError, KeyError, TypeError):
        message = f"{address} answers {error.code} {error.reason}"
    if error.code == 404:
        return NotFound(message)
    if error.code == 400:
        return click.UsageError(message)
    if error.code in (401, 403):
        return NotAllowed(f"{message}; DEPLOYDB_TOKEN is the token that is sent, if there is one")
    return Transient(message) if error.code >= 500 else Permanent(message)
