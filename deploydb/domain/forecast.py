"""When a release would be where, from how long each step has taken before: the middle, and the slow one in ten."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil

from msgspec import Struct

from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.model.catalog import Stage


class Expected(Struct, frozen=True, kw_only=True):
    """How long something takes: in the middle (`p50`), and nine times in ten at most (`p90`), of so many `samples`."""

    p50: timedelta
    p90: timedelta
    samples: int


class Lane(Struct, frozen=True, kw_only=True):
    """What is known of one stage: how long its deployments took, and its gates. None: it has no history."""

    deployment: Expected | None
    gates: Mapping[str, Expected]


class Arrival(Struct, frozen=True, kw_only=True):
    """When the release would be commanded into a stage, and be through with it; None where that is unknown."""

    environment: str
    entered: tuple[datetime, datetime] | None
    verified: tuple[datetime, datetime] | None


def expected(taken: Sequence[timedelta]) -> Expected | None:
    """The percentiles of what was measured, by the nearest rank. None where nothing was."""
    if not taken:
        return None
    ordered = sorted(taken)

    def rank(share: float) -> timedelta:
        return ordered[ceil(len(ordered) * share) - 1]

    return Expected(p50=rank(0.5), p90=rank(0.9), samples=len(ordered))


def expected_of(promotion: Promotion, measured: Expected | None) -> Expected | None:
    """How long a gate takes. A soak takes what it takes, and verification before it comes on top."""
    if promotion.lasts is not None and (measured is None or measured.p50 < promotion.lasts):
        return Expected(p50=promotion.lasts, p90=promotion.lasts, samples=0)
    return measured


def arrivals(
    stages: Sequence[Stage],
    entry: Mapping[str, Sequence[Promotion]],
    exits: Mapping[str, Sequence[Promotion]],
    lanes: Mapping[str, Lane],
    now: datetime,
) -> list[Arrival]:
    """When each stage would be reached and left, upstream first.

    Sums of slow ones are slower than one way in ten: the second time is an upper estimate. Windows are reckoned by the
    calendar, everything else by the history; what has none makes all behind it unknown.
    """
    found: dict[str, Arrival] = {}
    for stage in stages:
        before = [found[name].verified for name in stage.after.environments]
        come = _after(before, stage.after.need, now)
        lane = lanes[stage.environment]
        entered = _through(entry[stage.environment], lane, come)
        deployed = _later(entered, lane.deployment)
        found[stage.environment] = Arrival(
            environment=stage.environment, entered=entered, verified=_through(exits[stage.environment], lane, deployed)
        )
    return list(found.values())


Span = tuple[datetime, datetime]


def _after(before: Sequence[Span | None], need: str, now: datetime) -> Span | None:
    known = [each for each in before if each is not None]
    if not before:
        return (now, now)
    if need == "any":
        return min(known, default=None)
    if len(known) < len(before):
        return None
    return (max(each[0] for each in known), max(each[1] for each in known))


def _through(promotions: Sequence[Promotion], lane: Lane, come: Span | None) -> Span | None:
    """When all gates have passed: they run beside each other, and a window is the last."""
    if come is None:
        return None
    passed = [come]
    for promotion in promotions:
        if promotion.by_calendar:
            continue
        after = _later(come, expected_of(promotion, lane.gates.get(promotion.ident)))
        if after is None:
            return None
        passed.append(after)
    times = [max(each[0] for each in passed), max(each[1] for each in passed)]
    for promotion in promotions:
        if promotion.by_calendar:
            for index, at in enumerate(times):
                opening = promotion.next_opening(at)
                if opening is None:
                    return None
                times[index] = opening
    return (times[0], times[1])


def _later(at: Span | None, takes: Expected | None) -> Span | None:
    return (at[0] + takes.p50, at[1] + takes.p90) if at is not None and takes is not None else None
