"""A request to a configured address, and its answer: what gates ask for and are given."""

from datetime import timedelta
from typing import Literal

from msgspec import Struct


class Request(Struct, frozen=True, kw_only=True):
    """A request. `timeout`: from the first packet to the last byte. `limit_bytes`: the most to read of the body."""

    url: str
    method: Literal["GET", "POST"] = "GET"
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    timeout: timedelta = timedelta(seconds=10)
    limit_bytes: int = 64 * 1024


class Answer(Struct, frozen=True, kw_only=True):
    """An answer. `complete`: whether `body` is all of it. `retry_after`: the header of that name."""

    status: int
    body: bytes
    complete: bool
    retry_after: str | None = None


class NoAnswer(Struct, frozen=True, kw_only=True):
    """The reason for no answer, with the same text each time. `asked`: whether a request was sent; without one the
    check is no attempt."""

    reason: str
    asked: bool = True
