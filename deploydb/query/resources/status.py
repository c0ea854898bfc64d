"""Status: `/api/status`, what runs in each lane, what is on its way there, and which holds stand over it."""

from collections.abc import Sequence

from msgspec import Struct

from deploydb.domain.catalog import Catalog, Service, Stage
from deploydb.query.asking import Asked, iso
from deploydb.query.drift import Drift
from deploydb.query.held import Held, HoldBody, hold_body
from deploydb.query.lane import require_environment, require_service
from deploydb.query.order import environments_in_order
from deploydb.query.resource import Resource, moment, text
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.lanes import PendingView, pending_in
from deploydb.store.queries.tenures import TenureView, newest_of_modules, ran_at, running_now

Place = tuple[str, str]


class Previous(Struct, frozen=True, kw_only=True, gc=False):
    """The other version that ran there before, from when until when."""

    version: str
    since: str
    until: str


class Running(Struct, frozen=True, kw_only=True, gc=False):
    """What a lane runs of one module."""

    module: str
    version: str
    deployment: int
    status: str
    since: str
    reason: str | None
    previous: Previous | None


class Pending(Struct, frozen=True, kw_only=True, gc=False):
    """A deployment that is on its way, and what it waits for or how far it is."""

    module: str
    version: str
    deployment: int
    kind: str
    attempt: int
    status: str
    reason: str | None


class Drifted(Struct, frozen=True, kw_only=True, gc=False):
    """What the lane should run and does not, with nothing on its way there."""

    module: str
    expected: str
    reason: str


class Lane(Struct, frozen=True, kw_only=True):
    """A service in an environment."""

    service: str
    environment: str
    running: list[Running] = []
    pending: list[Pending] = []
    holds: list[HoldBody] = []
    drift: list[Drifted] = []


class Status(Struct, frozen=True, kw_only=True, rename="camel"):
    """The matrix. Of the past it has what ran, and neither what was on its way nor holds. `at`: what ran then;
    `known_at`: what was believed then."""

    environments: list[str]
    lanes: list[Lane]
    at: str | None
    known_at: str | None


def status(asked: Asked) -> Status:
    """Every lane of the service and the environment that are asked for, by service and by the pipelines' order.

    A lane for each service in each environment of its stages, and wherever else something runs or is under way.
    """
    service, environment = asked.option("service"), asked.option("environment")
    at, known_at = asked.past("at"), asked.past("known_at")
    with asked.store() as connection:
        if at is not None or known_at is not None:
            running = ran_at(connection, at or known_at or asked.now, known_at, service, environment)
            lanes = _Lanes(asked.catalog, service, environment, running, ())
        else:
            # of all environments: what should run in one follows from what runs in those before it
            running = running_now(connection, service, None)
            pending = _newest_of_those_not_begun(asked.catalog, pending_in(connection, service, environment))
            lanes = _Lanes(asked.catalog, service, environment, running, pending)
            holds = holds_at(connection, asked.now, service)
            lanes.held = Held(holds, asked.catalog)
            lanes.drift = Drift(asked.catalog, running, newest_of_modules(connection, lanes.modules()), holds)
        if not lanes.places:
            if service is not None:
                require_service(connection, asked.catalog, service)
            if environment is not None:
                require_environment(connection, asked.catalog, environment)
    rank = {ident: index for index, ident in enumerate(environments_in_order(asked.catalog))}

    environments = sorted({there for _, there in lanes.places}, key=lambda each: (rank.get(each, len(rank)), each))
    column = {ident: index for index, ident in enumerate(environments)}
    return Status(
        environments=environments,
        lanes=[lanes.lane(*each) for each in sorted(lanes.places, key=lambda each: (each[0], column[each[1]]))],
        at=iso(at),
        known_at=iso(known_at),
    )


class _Lanes:
    """The lanes that are asked for, and what is known of them."""

    held: Held | None = None
    drift: Drift | None = None

    def __init__(
        self,
        catalog: Catalog,
        service: str | None,
        environment: str | None,
        running: Sequence[TenureView],
        pending: Sequence[PendingView],
    ) -> None:
        known = catalog.services.values() if service is None else (catalog.services.get(service),)
        self._stages: dict[Place, tuple[Service, Stage]] = {
            (one.ident, stage.environment): (one, stage)
            for one in known
            if one is not None
            for stage in catalog.stages(one)
            if environment in (None, stage.environment)
        }
        self._running: dict[Place, list[TenureView]] = {}
        self._pending: dict[Place, list[PendingView]] = {}
        for ran in running:
            if environment in (None, ran.environment):
                self._running.setdefault((ran.service, ran.environment), []).append(ran)
        for coming in pending:
            self._pending.setdefault((coming.service, coming.environment), []).append(coming)
        self.places = {*self._stages, *self._running, *self._pending}

    def modules(self) -> list[tuple[str, str]]:
        """Group and name of the modules of the services whose first stages are asked for."""
        first = {one.ident: one for one, stage in self._stages.values() if not stage.after.environments}
        parted = (module.rpartition(":") for one in first.values() for module in one.artifacts)
        return [(group, name) for group, _, name in parted]

    def lane(self, service: str, environment: str) -> Lane:
        """The body of one."""
        running = self._running.get((service, environment), ())
        pending = self._pending.get((service, environment), ())
        holds: list[HoldBody] = []
        if self.held is not None and self.held.any:
            versions = {*(one.version for one in running), *(one.release.artifact.version for one in pending)}
            holds = [hold_body(hold) for hold in self.held.over(service, environment, versions)]
        return Lane(
            service=service,
            environment=environment,
            running=[_running(one) for one in running],
            pending=[_pending(one) for one in pending],
            holds=holds,
            drift=self._drifted(service, environment, pending) if self.drift is not None else [],
        )

    def _drifted(self, service: str, environment: str, pending: Sequence[PendingView]) -> list[Drifted]:
        drifted: list[Drifted] = []
        known = self._stages.get((service, environment))
        if known is None or self.drift is None:
            return drifted
        configured, stage = known
        for module in configured.artifacts:
            coming = [one.release.artifact.version for one in pending if one.release.artifact.module == module]
            expected = self.drift.of(configured, stage, module, coming)
            if expected is not None:
                drifted.append(Drifted(module=module, expected=expected.version, reason=expected.reason))
        return drifted


def _newest_of_those_not_begun(catalog: Catalog, pending: Sequence[PendingView]) -> list[PendingView]:
    """Of those that wait to be commanded, only the newest of each module in each lane; rollbacks and all others."""
    newest: dict[tuple[str, str, str], PendingView] = {}
    for view in pending:
        if _is_in_line(view):
            waits = (view.service, view.environment, view.release.artifact.module)
            configured = catalog.services.get(view.service)
            order = configured.order if configured is not None else "published"
            before = newest.get(waits)
            if before is None or before.release.order_key(order) < view.release.order_key(order):
                newest[waits] = view
    kept = {view.deployment for view in newest.values()}
    return [view for view in pending if not _is_in_line(view) or view.deployment in kept]


def _is_in_line(view: PendingView) -> bool:
    return view.status == "NOT_STARTED" and view.kind != "rollback"


def _running(view: TenureView) -> Running:
    since, previous = view.since.isoformat(), None
    if view.previous is not None and view.previous_since is not None:
        previous = Previous(version=view.previous, since=view.previous_since.isoformat(), until=since)
    return Running(
        module=view.module,
        version=view.version,
        deployment=view.deployment,
        status=view.status,
        since=since,
        reason=view.reason,
        previous=previous,
    )


def _pending(view: PendingView) -> Pending:
    return Pending(
        module=view.release.artifact.module,
        version=view.release.artifact.version,
        deployment=view.deployment,
        kind=view.kind,
        attempt=view.attempt,
        status=view.status,
        reason=view.reason,
    )


RESOURCES = (
    Resource(
        path="/api/status",
        read=status,
        parameters=(
            text("service", "Of this service only."),
            text("environment", "In this environment only."),
            moment("at", "What ran at this time in the past, by all that is known now."),
            moment("known_at", "What was known at this time in the past; without `at`, of that time."),
        ),
    ),
)
