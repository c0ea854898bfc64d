"""A service that is set aside, as it is answered."""

from collections.abc import Iterable

from msgspec import UNSET, Struct, UnsetType

from deploydb.query.request_context import iso
from deploydb.store.set_aside import Aside


class SetAside(Struct, frozen=True, kw_only=True, rename="camel"):
    """A service whose evaluation failed: it is not evaluated until `next_at` (null: not before its pause ends), while
    others are. `parked`: by which person's pause. `text`: all of it in a line."""

    service: str
    error: str
    first_at: str
    last_at: str
    attempts: int
    next_at: str | None
    parked: str | None
    text: str


def set_aside_body(aside: Aside) -> SetAside:
    """The answer about one."""
    return SetAside(
        service=aside.service,
        error=aside.error,
        first_at=aside.first_at.isoformat(),
        last_at=aside.last_at.isoformat(),
        attempts=aside.attempts,
        next_at=iso(aside.next_at),
        parked=aside.parked,
        text=aside.words,
    )


def set_aside_bodies(found: Iterable[Aside]) -> list[SetAside] | UnsetType:
    """The answers about some; not mentioned where there are none."""
    return [set_aside_body(aside) for aside in found] or UNSET
