"""The rows of the matrix: which services match, and in which order."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.catalog import Catalog
from deploydb.query.lane_bodies import Lane
from deploydb.query.lane_state import STATES, is_behind, states_of
from deploydb.query.service_groups import about_name

_MOST_FOLLOWED = 20
"""Services whose lanes are asked one by one."""
MOST_TROUBLED = 30
_LOOKED_AT = {"trouble", "approval", "deploying", "drift", "changed"}


class LaneStates(Struct, frozen=True, kw_only=True):
    """A lane, and the states that it is in."""

    lane: Lane
    states: Sequence[str]


class MatrixService(Struct, frozen=True, kw_only=True):
    """A row before it is known whether it is on the page. `lanes`: with their states, in the order of the columns."""

    name: str
    lanes: Sequence[tuple[Lane, Sequence[str]]]

    @property
    def states(self) -> Sequence[str]:
        found = {state for _, states in self.lanes if states for state in states}
        return [state for state in STATES if state in found]


def services_of(
    lanes: Iterable[Lane], starved: Collection[tuple[str, str]], aside: Collection[str]
) -> Sequence[MatrixService]:
    """The services of lanes that are in the order of services and columns. `starved`: lanes that are; `aside`: the
    services that are set aside."""
    return [
        MatrixService(
            name=name,
            lanes=[
                (lane, states_of(lane, stands_still=name in aside or (name, lane.environment) in starved))
                for lane in mine
            ],
        )
        for name, mine in groupby(lanes, key=attrgetter("service"))
    ]


def within(services: Iterable[MatrixService], columns: Sequence[str]) -> Iterable[MatrixService]:
    """The services with their lanes in some environments, without those that have none there."""
    for service in services:
        lanes = [one for one in service.lanes if one[0].environment in columns]
        if lanes:
            yield replace(service, lanes=lanes)


def matching(
    catalog: Catalog, services: Sequence[MatrixService], service: str | None, words: Sequence[str]
) -> Iterable[MatrixService]:
    """Those of this name, or else with it in theirs, that have all words in their name, team, labels (`tier=web`) or
    versions."""
    known = services
    if service is not None:
        exact = [one for one in known if one.name == service]
        known = exact or [one for one in known if service.casefold() in one.name.casefold()]
    for one in known:
        missing = words and [word for word in words if word not in about_name(catalog, one.name)]
        if not missing or all(any(word in version for version in _versions(one)) for word in missing):
            yield one


def _versions(service: MatrixService) -> set[str]:
    there = [
        [*(one.version for one in lane.running), *(one.version for one in lane.pending)] for lane, _ in service.lanes
    ]
    return {version.casefold() for versions in there for version in versions}


def worst(states: Sequence[str]) -> int:
    """The place of the worst of some states, the first of them, among all."""
    return STATES.index(states[0]) if states else len(STATES)


def _by_age(service: MatrixService) -> tuple[bool, float, str]:
    since = max((one.since for lane, _ in service.lanes for one in lane.running), default="")
    return not since, -_seconds(since), service.name


def _seconds(since: str) -> float:
    return datetime.fromisoformat(since).timestamp() if since else 0


def _by_drift(service: MatrixService) -> tuple[int, int, str]:
    drifted = sum(bool(lane.drift) for lane, _ in service.lanes)
    return -drifted, -sum(is_behind(lane) for lane, _ in service.lanes), service.name


def _by_trouble(service: MatrixService) -> tuple[int, int, str]:
    place = worst(service.states)
    return place, -sum(worst(states) == place for _, states in service.lanes), service.name


ORDERS: Mapping[str, Callable[[MatrixService], tuple[object, ...]]] = {
    "name": lambda service: (service.name,),
    "age": _by_age,
    "drift": _by_drift,
    "trouble": _by_trouble,
}


def followed(services: Sequence[MatrixService], found: Sequence[MatrixService]) -> Sequence[str] | None:
    """The services of whose deployments the slider is: those that are found, where they are some and few; None for
    all."""
    is_few = 0 < len(found) < len(services) and len(found) <= _MOST_FOLLOWED
    return [one.name for one in found] if is_few else None


def as_they_are(service: MatrixService) -> list[LaneStates]:
    """The lanes of a row."""
    return [LaneStates(lane=lane, states=states) for lane, states in service.lanes]


def themselves(service: MatrixService) -> list[LaneStates]:
    """The lanes of a row as if nothing stood still."""
    return [LaneStates(lane=lane, states=states_of(lane)) for lane, _ in service.lanes]


def worst_lanes(services: Iterable[MatrixService], aside: Collection[str]) -> list[LaneStates]:
    """The worst lanes, the worst first, of a service that is set `aside` one; those that only wait or are held are none
    of them."""
    found = [
        one
        for service in services
        for one in (as_they_are(service) if service.name not in aside else [_worst_itself(service)])
        if not _LOOKED_AT.isdisjoint(one.states)
    ]
    found.sort(key=lambda one: (worst(one.states), one.lane.service))
    return found[:MOST_TROUBLED]


def _worst_itself(service: MatrixService) -> LaneStates:
    """The lane that is the worst one even if its service were not set aside."""
    return min(as_they_are(service), key=lambda one: worst(states_of(one.lane)))
