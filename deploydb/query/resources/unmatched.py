"""Unmatched facts: `/api/unmatched`, those about unknown deployments, for unknown promotions, and of no pipeline."""

from msgspec import Struct

from deploydb.query.request_context import RequestContext
from deploydb.query.unmatched import Unmatched, unmatched_in

DEFAULT = 100


class UnmatchedFacts(Struct, frozen=True, kw_only=True):
    """Facts that match nothing, newest first. `more`: there are more than these."""

    unmatched: list[Unmatched]
    more: bool


def unmatched(asked: RequestContext) -> UnmatchedFacts:
    """The facts that match nothing, newest first: about deployments that are not known, for promotions that no gate
    of the lane has, or releases that no pipeline takes. The names are those that the facts have, known or not."""
    limit = asked.number("limit") or DEFAULT
    with asked.store() as connection:
        found = unmatched_in(connection, asked.catalog, asked.option("service"), asked.environment(), limit=limit + 1)
    return UnmatchedFacts(unmatched=found[:limit], more=len(found) > limit)
