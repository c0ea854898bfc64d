"""Drift: what a lane should run by what is configured and has come through, where that is not what it runs."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from deploydb.domain.model.artifact import order_key
from deploydb.domain.model.branches import Branches
from deploydb.domain.model.catalog import Order, Service, Stage
from deploydb.domain.model.deployment import Release
from deploydb.domain.model.overrides import Hold
from deploydb.domain.model.reasons import (
    FinishedLate,
    NewestPublished,
    PutByHand,
    Reason,
    ReturnedLate,
    SucceededUpstream,
)
from deploydb.store.queries.lanes import Wanted
from deploydb.store.queries.live_intervals import LiveIntervalView, NewestView

Place = tuple[str, str, str]
"""Service, environment, module."""


class Expected(Struct, frozen=True):
    """The version that a lane should run, and why. `by_itself`: automation would deploy it, had it not been there."""

    version: str
    published_at: datetime
    reason: Reason
    by_itself: bool = False


class Drift:
    """What lanes should run, from what runs upstream, what has been published, and which holds stand.

    `ended`: versions that were in a lane or were passed by there: automation does not deploy them again. `branches`:
    of the service.
    """

    def __init__(
        self,
        running: Sequence[LiveIntervalView],
        newest: Sequence[NewestView],
        holds: Sequence[Hold],
        ended: Collection[Wanted] = (),
        branches: Branches | None = None,
    ) -> None:
        self._branches = branches
        self._ended = ended
        self._running: Mapping[Place, LiveIntervalView] = {
            (one.service, one.environment, one.module): one for one in running
        }
        self._newest = {one.module: one for one in newest}
        self._pins: dict[tuple[str | None, str | None], list[Hold]] = defaultdict(list)
        for one in holds:
            if one.kind == "pin":
                self._pins[one.service, one.environment].append(one)
        self._vetoed = {(one.service, one.version) for one in holds if one.kind == "veto"}

    def of(self, service: Service, stage: Stage, module: str, coming: Collection[Release]) -> Expected | None:
        """What should run there and neither does nor is on its way; None where all is as it should be.

        `coming`: the releases that are on their way there.
        """
        versions = {release.artifact.version for release in coming}
        runs = self._running.get((service.ident, stage.environment, module))
        pins = self._pins.get((service.ident, stage.environment), ())
        if len({pin.version for pin in pins}) > 1:
            return None  # people disagree: automation would change nothing
        for pin in pins[:1]:
            # a pin names no module: what it keeps may be another one of the service
            found = [self._running.get((service.ident, stage.environment, each)) for each in service.artifacts]
            there = [one.version for one in found if one is not None]
            if pin.version is None or pin.version in there or pin.version in versions:
                return None
            if runs is None and there:
                return None  # the drift of the modules that are there is reported
            if runs is None and module != service.artifacts[0]:
                return None
            return Expected(pin.version, pin.at.time, pin.held)
        late = runs is not None and runs.status == "FAILED" and isinstance(runs.status_reason, FinishedLate)
        if runs is not None and runs.previous is not None and late and not coming:
            since = runs.previous_live_at or runs.since
            return Expected(runs.previous, since, ReturnedLate(version=runs.version, previous=runs.previous))
        expected = self._expected(service, stage, module)
        if expected is None or (runs is not None and runs.version == expected.version):
            return None
        if expected.version in versions or (service.ident, expected.version) in self._vetoed:
            return None
        newness = _newness(service.order, expected)
        if isinstance(expected, NewestView) and any(one.order_key(service.order) > newness for one in coming):
            return None  # it was published last, and a higher version is in line
        if runs is not None and runs.kind == "rollback" and runs.previous == expected.version:
            return None  # it has been there, and was put away
        if runs is None or newness > _newness(service.order, runs):
            if (service.ident, stage.environment, module, expected.version) in self._ended:
                return None
            return Expected(expected.version, expected.published_at, _reason(expected), by_itself=True)
        if runs.kind != "external":
            return None
        by_hand = PutByHand(version=runs.version, expected=_reason(expected))
        return Expected(expected.version, expected.published_at, by_hand)

    def _is_of_branch(self, stage: Stage, version: str) -> bool:
        """Whether automation brings the version to the stage."""
        return self._branches is None or self._branches.goes_to(stage.environment, version)

    def _expected(self, service: Service, stage: Stage, module: str) -> LiveIntervalView | NewestView | None:
        upstream = stage.after.environments
        if not upstream:
            newest = self._newest.get(module)
            here = newest is not None and self._is_of_branch(stage, newest.version)
            return newest if here else None
        found = [self._running.get((service.ident, environment, module)) for environment in upstream]
        through = [one for one in found if one is not None and one.status == "SUCCESS"]
        if not through or (stage.after.need == "all" and not _agree(through, found)):
            return None
        through = [one for one in through if self._is_of_branch(stage, one.version)]
        if not through:
            return None
        return through[0] if len(through) == 1 else max(through, key=lambda one: _newness(service.order, one))


def _agree(through: Sequence[LiveIntervalView], found: Sequence[LiveIntervalView | None]) -> bool:
    return len(through) == len(found) and all(one.version == through[0].version for one in through)


def _reason(expected: LiveIntervalView | NewestView) -> Reason:
    if isinstance(expected, NewestView):
        return NewestPublished()
    return SucceededUpstream(environment=expected.environment)


def _newness(order: Order, release: NewestView | LiveIntervalView) -> tuple[object, ...]:
    return order_key(order, release.version, release.published_at)
