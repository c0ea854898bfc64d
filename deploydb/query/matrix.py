"""The lanes of the matrix, service by service: what runs, what is on its way, what is held, what should run."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TypeVar
from weakref import WeakKeyDictionary

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.overrides import Hold
from deploydb.query.bodies import ReasonBody, body_of, reason_body
from deploydb.query.drift import Drift
from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.hold_views import Held, HoldBody, hold_body
from deploydb.query.outlook_view import OutlookBody, outlook_body
from deploydb.store.queries.incidents import IncidentView
from deploydb.store.queries.lanes import FailureView, PendingView
from deploydb.store.queries.live_intervals import LiveIntervalView, NewestView


class Previous(Struct, frozen=True, kw_only=True, gc=False):
    """The other version that ran there before, from when until when."""

    version: str
    since: str
    until: str


class Running(Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What a lane runs of one module. `trigger_reason`: why it was put there; `reason`: why its status is as it is.
    `attempt`: from the second on; `conflict`: a later publication of the version with another file."""

    module: str
    version: str
    deployment: int
    status: str
    since: str
    trigger_reason: ReasonBody | None
    reason: ReasonBody | None
    previous: Previous | None
    attempt: int | UnsetType = UNSET
    conflict: str | UnsetType = UNSET


class Pending(Struct, frozen=True, kw_only=True, gc=False):
    """A deployment that is on its way, and what it waits for or how far it is. `outlook`: of one that is not, or that a
    person holds."""

    module: str
    version: str
    deployment: int
    kind: str
    attempt: int
    status: str
    reason: ReasonBody | None
    outlook: OutlookBody | UnsetType = UNSET
    conflict: str | UnsetType = UNSET


class Failed(Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """What failed in a lane last, since when, and what was done about it (`response`, `detail`)."""

    module: str
    version: str
    deployment: int
    attempt: int
    since: str | None
    reason: ReasonBody | None
    response: str | None
    detail: ReasonBody | None


class OpenIncident(Struct, frozen=True, kw_only=True, gc=False):
    """An incident in a lane that is open; of a version, where it names one."""

    name: str | None
    version: str | None
    since: str
    reason: str | None


class Drifted(Struct, frozen=True, kw_only=True, gc=False):
    """What the lane should run and does not, with nothing on its way there."""

    module: str
    expected: str
    reason: ReasonBody


class Lane(Struct, frozen=True, kw_only=True):
    """A service in an environment. `failed`: of each module what failed last, until a newer release succeeds."""

    service: str
    environment: str
    running: list[Running] = []
    pending: list[Pending] = []
    holds: list[HoldBody] = []
    drift: list[Drifted] = []
    failed: list[Failed] | UnsetType = UNSET
    incidents: list[OpenIncident] | UnsetType = UNSET


class Seen(Struct, frozen=True, kw_only=True):
    """What the store has of one service: all that its lanes follow from, but for the catalog."""

    running: Sequence[LiveIntervalView] = ()
    pending: Sequence[PendingView] = ()
    newest: Sequence[NewestView] = ()
    holds: Sequence[Hold] = ()
    failures: Sequence[FailureView] = ()
    incidents: Sequence[IncidentView] = ()

    def failed_at(self, artifact: int, environment: str) -> datetime | None:
        """When a release, by its artifact's row, failed in an environment."""
        found = (one.since for one in self.failures if (one.artifact, one.environment) == (artifact, environment))
        return next(found, None)


_BUILT: WeakKeyDictionary[Catalog, dict[str, tuple[Seen, list[Lane]]]] = WeakKeyDictionary()
"""By catalog and service the lanes that were built last, and what from. Most services are as they were when the matrix
was asked for before: 5,000 lanes take 70 ms to build, and 5 ms to be found unchanged."""


class Matrix:
    """The lanes of services under one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._column = {ident: index for index, ident in enumerate(environments_in_order(catalog))}

    def environments(self, lanes: Iterable[Lane]) -> list[str]:
        """Those of the lanes, in the order of the pipelines."""
        return sorted({lane.environment for lane in lanes}, key=self._place)

    def now(
        self,
        services: Iterable[str],
        running: Sequence[LiveIntervalView],
        pending: Sequence[PendingView],
        newest: Sequence[NewestView],
        holds: Sequence[Hold],
        failures: Sequence[FailureView],
        incidents: Sequence[IncidentView],
    ) -> list[Lane]:
        """By service: the lanes of its stages, and wherever else something runs or is under way."""
        ran, coming = _by_service(running), _by_service(sorted(pending, key=_SERVICE))
        failed, troubled = _by_service(failures), _by_service(incidents)
        published = {one.module: one for one in newest}
        over_all = [hold for hold in holds if hold.service is None]
        held = {hold.service for hold in holds}
        built = _BUILT.setdefault(self._catalog, {})
        lanes: list[Lane] = []
        for service in sorted({*services, *ran, *coming}):
            configured = self._catalog.services.get(service)
            modules = configured.artifacts if configured is not None else ()
            seen = Seen(
                running=ran.get(service, ()),
                pending=coming.get(service, ()),
                newest=[published[module] for module in modules if module in published],
                holds=[one for one in holds if one.service in (None, service)] if service in held else over_all,
                failures=failed.get(service, ()),
                incidents=troubled.get(service, ()),
            )
            known = built.get(service)
            if known is None or known[0] != seen:
                built[service] = known = seen, self._lanes(service, seen, past=False)
            lanes += known[1]
        return lanes

    def then(self, services: Iterable[str], running: Sequence[LiveIntervalView]) -> list[Lane]:
        """The lanes of a time in the past: what ran. Pending versions, holds and drift are left out."""
        ran = _by_service(running)
        names = sorted({*services, *ran})
        return [lane for name in names for lane in self._lanes(name, Seen(running=ran.get(name, ())), past=True)]

    def _lanes(self, service: str, seen: Seen, *, past: bool) -> list[Lane]:
        configured = self._catalog.services.get(service)
        stages = {stage.environment: stage for stage in self._catalog.stages(configured)} if configured else {}
        held, drift = Held(seen.holds, self._catalog), Drift(self._catalog, seen.running, seen.newest, seen.holds)

        def lane(environment: str) -> Lane:
            running = [one for one in seen.running if one.environment == environment]
            pending = [one for one in seen.pending if one.environment == environment]
            versions = {*(one.version for one in running), *(one.release.artifact.version for one in pending)}
            drifted = []
            if configured is not None and environment in stages and not past:
                for module in configured.artifacts:
                    coming = [one.release for one in pending if one.release.artifact.module == module]
                    expected = drift.of(configured, stages[environment], module, coming)
                    if expected is not None:
                        drifted.append(
                            Drifted(module=module, expected=expected.version, reason=reason_body(expected.reason))
                        )
            return Lane(
                service=service,
                environment=environment,
                running=[_running(one) for one in running],
                pending=[_pending(one, seen) for one in pending],
                holds=[hold_body(hold) for hold in held.over(service, environment, versions)],
                drift=drifted,
                failed=_failed(seen, environment) if not past else UNSET,
                incidents=[_incident(one) for one in seen.incidents if one.environment == environment] or UNSET,
            )

        there = {*stages, *(one.environment for one in seen.running), *(one.environment for one in seen.pending)}
        return [lane(environment) for environment in sorted(there, key=self._place)]

    def _place(self, environment: str) -> tuple[int, str]:
        return self._column.get(environment, len(self._column)), environment


V = TypeVar("V")
_SERVICE = attrgetter("service")


def _by_service(ordered: Iterable[V]) -> dict[str, list[V]]:
    return {service: list(found) for service, found in groupby(ordered, key=_SERVICE)}


def _running(view: LiveIntervalView) -> Running:
    since, previous = view.since.isoformat(), None
    if view.previous is not None and view.previous_live_at is not None:
        previous = Previous(version=view.previous, since=view.previous_live_at.isoformat(), until=since)
    return Running(
        module=view.module,
        version=view.version,
        deployment=view.deployment,
        status=view.status,
        since=since,
        trigger_reason=reason_body(view.trigger_reason),
        reason=reason_body(view.status_reason),
        previous=previous,
        attempt=view.attempt if view.attempt > 1 else UNSET,
        conflict=view.conflict or UNSET,
    )


def _failed(seen: Seen, environment: str) -> list[Failed] | UnsetType:
    """Of each module what failed there last."""
    last: dict[str, Failed] = {}
    for view in seen.failures:
        if view.environment == environment:
            last.setdefault(view.module, body_of(Failed, view))
    return list(last.values()) or UNSET


def _incident(view: IncidentView) -> OpenIncident:
    return body_of(OpenIncident, view, name=view.name or None)


def _pending(view: PendingView, seen: Seen) -> Pending:
    return Pending(
        module=view.release.artifact.module,
        version=view.release.artifact.version,
        deployment=view.deployment,
        kind=view.kind,
        attempt=view.attempt,
        status=view.status,
        reason=reason_body(view.reason),
        outlook=outlook_body(
            view.environment,
            view.status,
            view.reason,
            lambda environment: seen.failed_at(view.release.id, environment),
        ),
        conflict=view.release.conflict or UNSET,
    )
