"""The states of a lane that people look for: in trouble, awaiting people, deploying, waiting, drifted, held."""

from collections.abc import Iterable, Mapping, Sequence

from deploydb.domain.model.deployment import UNDER_WAY
from deploydb.query.hold_views import HoldBody
from deploydb.query.lane_bodies import Lane, Pending, Running

STATES = ("trouble", "approval", "deploying", "waiting", "drift", "held", "changed")
"""The worst first. A lane in none of them is quiet."""
_WORST_FIRST = ("FAILED", "STARTED", "CREATED", "COMPLETED", "SUCCESS")
_CONSEQUENCES = ("failed_upstream", "failed_beside", "taken_back_beside", "branch_elsewhere")
"""The reasons of releases that do not come for what is known elsewhere, or for no fault."""


def states_of(lane: Lane, *, stands_still: bool = False) -> Sequence[str]:
    """In the order of `STATES`. In trouble: something failed there and has no successor, a release is stuck before it,
    a vetoed version runs, an incident is open, or it `stands_still`: it is starved, or its service is set aside.
    Waiting: something is to come. Held: by a hold on this service. Changed: it runs another version now than at the
    time that is compared with now."""
    noted = lane.pending or lane.drift or lane.failed or lane.incidents or lane.holds or lane.changed
    if not (stands_still or noted or any(one.status == "FAILED" or _asks_people(one) for one in lane.running)):
        return ()  # most lanes are quiet
    statuses = {one.status for one in lane.pending if is_coming(one)}
    found = {
        "trouble": stands_still or _is_in_trouble(lane),
        "approval": any(map(_asks_people, lane.running)) or any(map(_asks_people, lane.pending)),
        "deploying": not statuses.isdisjoint(UNDER_WAY),
        "waiting": "NOT_STARTED" in statuses,
        "drift": bool(lane.drift),
        "held": any(hold.service is not None for hold in lane.holds),
        "changed": bool(lane.changed),
    }
    return [state for state in STATES if found[state]]


def is_coming(one: Pending) -> bool:
    """Whether nothing but time, or a person who lifts a hold or tries it again, is between it and the lane."""
    return not one.outlook or one.outlook.verdict != "will not come"


def is_stuck(one: Pending) -> bool:
    """Whether it will not come for what happened at the entry of the lane itself."""
    return bool(one.outlook and not is_coming(one) and one.outlook.reason.code not in _CONSEQUENCES)


def vetoed_there(lane: Lane) -> Mapping[str, HoldBody]:
    """The versions that run though they are vetoed, with their vetoes."""
    if not lane.holds:
        return {}
    vetoes = {hold.version: hold for hold in lane.holds if hold.kind == "veto"}
    return {one.version: vetoes[one.version] for one in lane.running if one.version in vetoes}


def is_behind(lane: Lane) -> bool:
    """Whether another version is on its way there, or should be there."""
    return bool(lane.drift) or any(map(is_coming, lane.pending))


def worst_status(statuses: Iterable[str]) -> str:
    """Of what runs in a lane, one status or more: of several modules one may have failed."""
    return min(statuses, key=lambda one: (*_WORST_FIRST, one).index(one))


def _is_in_trouble(lane: Lane) -> bool:
    statuses = {*(one.status for one in lane.running), *(one.status for one in lane.pending)}
    ended = lane.failed or lane.incidents or "FAILED" in statuses or any(map(is_stuck, lane.pending))
    return bool(ended or vetoed_there(lane))


def _asks_people(one: Running | Pending) -> bool:
    if one.reason is None or one.status == "SUCCESS":
        return False
    codes = {one.reason.code, *(part["code"] for part in one.reason.params.get("reasons", ()))}
    return "awaiting_approval" in codes
