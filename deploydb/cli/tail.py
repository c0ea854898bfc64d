"""The log as it grows: each event once, soon after it is recorded."""

import time
from collections.abc import Iterator, Mapping

import click

from deploydb.cli.client import Body, ask, changes
from deploydb.domain.model.errors import NotFound, Transient

EVERY_SECONDS = 1.0
_PAGE = 200
_REMEMBERED = 5_000
"""Events become visible out of the order of their numbers: so many of the last ones are known again."""


def followed(wanted: Mapping[str, object], limit: int) -> Iterator[Body]:
    """The newest `limit` of the events that are wanted, oldest first; then each new one, for ever.

    A query service that is away is waited for; events recorded meanwhile follow when it is back.
    """
    first: list[Body] = ask("events", **wanted, perPageSize=limit)["events"]
    seen = {event["number"] for event in first}
    floor = min(seen, default=0)
    yield from reversed(first)
    reported = False
    for _ in _ticks(wanted):
        try:
            found = _unseen(wanted, seen, floor)
        except Transient as error:
            if not reported:
                click.echo(f"deploydb: {error}", err=True)
            reported = True
            continue
        reported = False
        yield from found
        seen.update(event["number"] for event in found)
        if len(seen) > 2 * _REMEMBERED:
            seen = set(sorted(seen)[-_REMEMBERED:])
            floor = min(seen)


def _unseen(wanted: Mapping[str, object], seen: set[int], floor: int) -> list[Body]:
    """The events above `floor` that were not there before, oldest first."""
    found: list[Body] = []
    before: int | None = None
    while True:
        body = ask("events", **wanted, before=before, perPageSize=_PAGE)
        page = [event for event in body["events"] if event["number"] > floor and event["number"] not in seen]
        found += page
        before = body["next"]
        if before is None or len(page) < len(body["events"]):
            return found[::-1]


def _ticks(wanted: Mapping[str, object]) -> Iterator[None]:
    """Whenever there may be something new: as `/api/stream` says, else once a second."""
    while True:
        try:
            for _ in changes(service=wanted["service"], environment=wanted["environment"]):
                yield
        except (NotFound, Transient):
            pass  # polled, until it can be listened to again
        yield
        time.sleep(EVERY_SECONDS)
