"""A service that is set aside, as it is answered."""

from msgspec import Struct

from deploydb.query.bodies import body_of
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
    return body_of(SetAside, aside, text=aside.words)
