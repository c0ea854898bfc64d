"""The states of a lane that people look for: in trouble, deploying, waiting, drifted, held, changed."""

from collections.abc import Iterable, Sequence

from deploydb.domain.model.deployment import UNDER_WAY
from deploydb.query.lane_bodies import Lane

STATES = ("trouble", "deploying", "waiting", "drift", "held", "changed")
"""The worst first. A lane in none of them is quiet."""
_WORST_FIRST = ("FAILED", "STARTED", "CREATED", "COMPLETED", "SUCCESS")


def states_of(lane: Lane, *, stands_still: bool = False) -> Sequence[str]:
    """In the order of `STATES`. In trouble: something failed there and has no successor, an incident is open, or it
    `stands_still`: it is starved, or its service is set aside. Held: by a hold on this service. Changed: it runs
    another version now than at the time that is compared with now."""
    noted = lane.pending or lane.drift or lane.failed or lane.incidents or lane.holds or lane.changed
    if not (stands_still or noted):
        return ("trouble",) if _runs_failed(lane) else ()  # most lanes are quiet
    statuses = {one.status for one in lane.pending}
    found = {
        "trouble": stands_still or bool(lane.failed or lane.incidents) or "FAILED" in statuses or _runs_failed(lane),
        "deploying": not statuses.isdisjoint(UNDER_WAY),
        "waiting": "NOT_STARTED" in statuses,
        "drift": bool(lane.drift),
        "held": any(hold.service is not None for hold in lane.holds),
        "changed": bool(lane.changed),
    }
    return [state for state in STATES if found[state]]


def is_behind(lane: Lane) -> bool:
    """Whether another version is on its way there, or should be there."""
    return bool(lane.pending or lane.drift)


def worst_status(statuses: Iterable[str]) -> str:
    """Of what runs in a lane, one status or more: of several modules one may have failed."""
    return min(statuses, key=lambda one: (*_WORST_FIRST, one).index(one))


def _runs_failed(lane: Lane) -> bool:
    return "FAILED" in [one.status for one in lane.running]
