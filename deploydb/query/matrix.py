"""The lanes of the matrix, service by service: what runs, what is on its way, what is held, what should run."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TypeVar
from weakref import WeakKeyDictionary

from msgspec import UNSET, Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Release
from deploydb.domain.model.overrides import Hold
from deploydb.query.bodies import body_of, reason_body
from deploydb.query.drift import Drift, Expected
from deploydb.query.environment_sequence import environments_in_order
from deploydb.query.hold_views import Held, hold_body
from deploydb.query.lane_bodies import Changed, Drifted, Failed, Lane, OpenIncident, Pending, Previous, Running
from deploydb.query.outlook_view import Failures, outlook_body
from deploydb.store.queries.incidents import IncidentView
from deploydb.store.queries.lanes import FailureView, PendingView, Wanted
from deploydb.store.queries.live_intervals import LiveIntervalView, NewestView


class Seen(Struct, frozen=True, kw_only=True):
    """What the store has of one service: all that its lanes follow from, but for the catalog."""

    running: Sequence[LiveIntervalView] = ()
    pending: Sequence[PendingView] = ()
    newest: Sequence[NewestView] = ()
    holds: Sequence[Hold] = ()
    failures: Sequence[FailureView] = ()
    incidents: Sequence[IncidentView] = ()
    later: Sequence[LiveIntervalView] | None = None
    """What runs now, where `running` is of the past and compared with it."""


class _Built(Struct, frozen=True, kw_only=True):
    """Lanes, and what they were built from. `wanted`: what automation would deploy, unless it has `ended` there."""

    seen: Seen
    wanted: frozenset[Wanted]
    ended: frozenset[Wanted]
    lanes: list[Lane]


_BUILT: WeakKeyDictionary[Catalog, dict[str, _Built]] = WeakKeyDictionary()
"""By catalog and service the lanes that were built last. Most services are as they were when the matrix
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
        ended_of: Callable[[Collection[Wanted]], Collection[Wanted]],
    ) -> list[Lane]:
        """By service: the lanes of its stages, and wherever else something runs or is under way. `ended_of`: which of
        some versions were in their lanes, or were passed by there."""
        ran, coming = _by_service(running), _by_service(sorted(pending, key=_SERVICE))
        failed, troubled = _by_service(failures), _by_service(incidents)
        published = {one.module: one for one in newest}
        over_all = [hold for hold in holds if hold.service is None]
        held = {hold.service for hold in holds}
        known = _BUILT.setdefault(self._catalog, {})
        built: dict[str, _Built] = {}  # of this answer: others are made at the same time, of other moments
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
            before = known.get(service)
            built[service] = before if before is not None and before.seen == seen else self._build(service, seen)
        ended = ended_of({one for made in built.values() for one in made.wanted})
        for service, made in built.items():
            own = made.wanted.intersection(ended)
            if own != made.ended:
                built[service] = self._build(service, made.seen, made.wanted, own)
        known.update(built)
        return [lane for made in built.values() for lane in made.lanes]

    def _build(
        self, service: str, seen: Seen, wanted: frozenset[Wanted] | None = None, ended: frozenset[Wanted] = frozenset()
    ) -> _Built:
        expected = self._expected(service, seen, ended)
        if wanted is None:
            wanted = frozenset((service, *lane, one.version) for lane, one in expected.items() if one.by_itself)
        return _Built(seen=seen, wanted=wanted, ended=ended, lanes=self._lanes(service, seen, expected))

    def _expected(self, service: str, seen: Seen, ended: Collection[Wanted]) -> dict[tuple[str, str], Expected]:
        """What should run in each environment of each module, and neither does nor is on its way."""
        configured = self._catalog.services.get(service)
        if configured is None:
            return {}
        drift = Drift(seen.running, seen.newest, seen.holds, ended, self._catalog.branches(service))
        coming: dict[tuple[str, str], list[Release]] = defaultdict(list)
        for one in seen.pending:
            coming[one.environment, one.release.artifact.module].append(one.release)
        found = {
            (stage.environment, module): drift.of(
                configured, stage, module, coming.get((stage.environment, module), ())
            )
            for stage in self._catalog.stages(configured)
            for module in configured.artifacts
        }
        return {place: one for place, one in found.items() if one is not None}

    def then(
        self,
        services: Iterable[str],
        running: Sequence[LiveIntervalView],
        later: Sequence[LiveIntervalView] | None = None,
    ) -> list[Lane]:
        """The lanes of a time in the past: what ran. Pending versions, holds and drift are left out. `later`: what runs
        now, to compare with."""
        ran, runs = _by_service(running), _by_service(later) if later is not None else None
        return [
            lane
            for name in sorted({*services, *ran, *(runs or ())})
            for lane in self._lanes(
                name, Seen(running=ran.get(name, ()), later=runs.get(name, ()) if runs is not None else None), {}
            )
        ]

    def _lanes(self, service: str, seen: Seen, expected: Mapping[tuple[str, str], Expected]) -> list[Lane]:
        stages = set(self._catalog.environments_of(service))
        held = Held(seen.holds, self._catalog)
        failures: dict[int, dict[str, datetime | None]] = defaultdict(dict)
        for failure in seen.failures:
            failures[failure.artifact].setdefault(failure.environment, failure.since)

        def lane(environment: str) -> Lane:
            running = [one for one in seen.running if one.environment == environment]
            pending = [one for one in seen.pending if one.environment == environment]
            there_now = {*(one.deployment for one in running), *(one.deployment for one in pending)}
            versions = {*(one.version for one in running), *(one.release.artifact.version for one in pending)}
            drifted = [
                Drifted(module=module, expected=one.version, reason=reason_body(one.reason))
                for (there, module), one in expected.items()
                if there == environment
            ]
            return Lane(
                service=service,
                environment=environment,
                running=[_running(one) for one in running],
                pending=[_pending(one, failures.get(one.release.id, {})) for one in pending],
                holds=[hold_body(hold) for hold in held.over(service, environment, versions)],
                drift=drifted,
                failed=_failed(seen, environment, there_now) or UNSET,
                incidents=[_incident(one) for one in seen.incidents if one.environment == environment] or UNSET,
                changed=_changed(running, seen.later, environment) or UNSET,
            )

        seen_there = (*seen.running, *(seen.later or ()))
        there = {*stages, *(one.environment for one in seen_there), *(one.environment for one in seen.pending)}
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


def _failed(seen: Seen, environment: str, shown: Collection[int]) -> list[Failed]:
    """Of each module what failed there last, unless it is `shown` as what runs or is pending."""
    last: dict[str, Failed] = {}
    for view in seen.failures:
        if view.environment == environment:
            last.setdefault(view.module, body_of(Failed, view))
    return [one for one in last.values() if one.deployment not in shown]


def _changed(
    running: Sequence[LiveIntervalView], later: Sequence[LiveIntervalView] | None, environment: str
) -> list[Changed]:
    if later is None:
        return []
    then = {one.module: one.version for one in running}
    now = {one.module: one.version for one in later if one.environment == environment}
    return [
        Changed(module=module, then=then.get(module), now=now.get(module))
        for module in sorted({*then, *now})
        if then.get(module) != now.get(module)
    ]


def _incident(view: IncidentView) -> OpenIncident:
    return body_of(OpenIncident, view, name=view.name or None)


def _pending(view: PendingView, failures: Failures) -> Pending:
    return Pending(
        module=view.release.artifact.module,
        version=view.release.artifact.version,
        deployment=view.deployment,
        kind=view.kind,
        attempt=view.attempt,
        status=view.status,
        reason=reason_body(view.reason),
        outlook=outlook_body(view.environment, view.status, view.reason, view.refused, failures),
        conflict=view.release.conflict or UNSET,
    )
