"""A conversation with a tool: a generator of requests that is sent their answers, and returns what it has found out."""

import json
from collections.abc import Generator, Sized
from datetime import timedelta
from typing import Any, Literal, TypeVar

from deploydb.domain.model.requests import Answer, Request
from deploydb.domain.unsafe_characters import in_one_line

T = TypeVar("T")

Conversation = Generator[Request, Answer, T]

ANSWER_BYTES = 8 * 1024 * 1024
"""The longest answer of a list or a log."""
Method = Literal["GET", "POST", "PUT", "PATCH"]

_LATER = frozenset((408, 409, 423, 425, 429))
"""Statuses below 500 that say nothing of the request itself."""
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What an answer of no documented shape raises where it is read."""
_MESSAGES = ("message", "error_description", "error", "errorMessage", "detail")


class Trouble(Exception):
    """The tool has not answered as it should. `refused`: it has understood, and will answer the same again.
    `later`: there is no answer, or it is about a limit of requests alone. `retry_after`: the header of that name;
    `status`: of the answer, None without one. `untaken`: the tool has certainly taken nothing of the conversation."""

    def __init__(
        self,
        reason: str,
        *,
        refused: bool = False,
        later: bool = False,
        retry_after: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.refused = refused
        self.later = later
        self.status = status
        self.retry_after = retry_after
        self.untaken = False


class Lost(Exception):
    """Whether the run has begun is unknown, and cannot be found out. Its text goes on after "and"."""


def ask(request: Request, *also: int) -> Conversation[Answer]:
    """The answer, with a status of success or one of `also`. Raises: Trouble."""
    answer = yield request
    if 200 <= answer.status < 300 or answer.status in also:
        return answer
    raise trouble_of(request, answer)


def trouble_of(request: Request, answer: Answer) -> Trouble:
    """What an answer without success means."""
    limited = answer.retry_after is not None or answer.headers.get("x-ratelimit-remaining") == "0"
    reads = request.method == "GET"  # what redirects another request has taken it, or not
    refused = (400 if not reads else 0) <= answer.status < 500 and answer.status not in _LATER and not limited
    what = f"{request.method} {request.url.partition('?')[0]}"
    return Trouble(
        in_one_line(f"{what} answered {answer.status}{_message(answer)}"),
        refused=refused,
        later=limited,
        retry_after=answer.retry_after,
        status=answer.status,
    )


def json_request(url: str, *headers: tuple[str, str], body: Any = None, method: Method | None = None) -> Request:  # noqa: ANN401  # any JSON
    """A look; with a body, a request that changes something."""
    return Request(
        url=url,
        method=method or ("GET" if body is None else "POST"),
        body=None if body is None else json.dumps(body),
        headers=headers,
        timeout=timedelta(seconds=20),
        limit_bytes=ANSWER_BYTES,
    )


def tolerant(conversation: Conversation[T], otherwise: T) -> Conversation[T]:
    """What the conversation finds out, or else `otherwise`: for what can be done without."""
    try:
        return (yield from conversation)
    except (Trouble, *UNREADABLE):
        return otherwise


def require_all(found: Sized, most: int, *, older: bool = False) -> None:
    """Check that a search without a match has seen all runs since the command was taken: it has found less than the
    `most` that it asks for, or `older` ones, too. Raises: Lost."""
    if len(found) >= most and not older:
        raise Lost(f"one of at least {len(found)} runs since may be its own")


def of_started(search: Conversation[T]) -> Conversation[T]:
    """A search for a run that was certainly started: one that cannot tell may do so later. Raises: Trouble."""
    try:
        return (yield from search)
    except Lost as lost:
        raise Trouble(str(lost), refused=True) from lost


def document(answer: Answer) -> Any:  # noqa: ANN401  # any JSON
    """The JSON of an answer. Raises: Trouble."""
    if not answer.complete:
        raise Trouble(f"its answer is longer than {len(answer.body)} bytes")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise Trouble("its answer is no JSON: is the address that of the tool's API?") from error


def value_at(found: Any, *path: str | int) -> Any:  # noqa: ANN401  # any JSON
    """The value at a path of keys and places; None where there is none."""
    for step in path:
        try:
            found = found[step]
        except (LookupError, TypeError):
            return None
    return found


def text_at(found: Any, *path: str | int) -> str | None:  # noqa: ANN401  # any JSON
    """The text or number at a path, as text; None where there is none, or an empty one."""
    value = value_at(found, *path)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None


def _message(answer: Answer) -> str:
    """The tool's own message, where it is in JSON."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    message = next((text for name in _MESSAGES if (text := text_at(found, name))), "")
    return f": {message}" if message else ""
