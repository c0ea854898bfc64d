"""A request to a configured address, and its answer: what gates ask for and are given."""

from datetime import timedelta
from typing import Literal

from msgspec import Struct


class Request(Struct, frozen=True, kw_only=True):
    """A request. `timeout`: from the first packet to the last byte. `limit_bytes`: the most to read of the body.
    `keep`: the headers of the answer to keep, in small letters."""

    url: str
    method: Literal["GET", "POST", "PUT", "PATCH"] = "GET"
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    timeout: timedelta = timedelta(seconds=10)
    limit_bytes: int = 64 * 1024
    keep: tuple[str, ...] = ()


class Answer(Struct, frozen=True, kw_only=True):
    """An answer. `complete`: whether `body` is all of it. `retry_after`: the header of that name. `headers`: those
    that the request keeps, and that are there."""

    status: int
    body: bytes
    complete: bool
    retry_after: str | None = None
    headers: dict[str, str] = {}


class NoAnswer(Struct, frozen=True, kw_only=True):
    """The reason for no answer, with the same text each time. `asked`: whether a request was sent; without one the
    check is no attempt. `sent`: whether any of it may have been; without that, it was not taken."""

    reason: str
    asked: bool = True
    sent: bool = True
