"""A starved lane, as it is answered."""

from msgspec import Struct

from deploydb.query.bodies import body_of
from deploydb.store.queries.starvation import StarvedView


class Starved(Struct, frozen=True, kw_only=True, rename="camel"):
    """A lane to which `releases` have come since one passed at `passed_at` (null: none ever has), the first of them at
    `waiting_since`. `text`: all of it in a line."""

    service: str
    environment: str
    releases: int
    waiting_since: str
    passed_at: str | None
    text: str


def starved_body(view: StarvedView) -> Starved:
    return body_of(Starved, view, text=f"{view.service} in {view.environment} is {view.words}")
