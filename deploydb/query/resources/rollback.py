"""Rollback: `/api/rollback/{service}/{environment}`, what putting back what ran before would do. It does nothing."""

from collections.abc import Iterator

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain import wording
from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.gates.depends import in_range
from deploydb.domain.model.catalog import Service
from deploydb.domain.model.deployment import Release
from deploydb.domain.model.facts import RollbackRequested
from deploydb.domain.model.overrides import Hold, standing
from deploydb.domain.model.running import CurrentVersion, KnownGood
from deploydb.http.errors import not_found, shown
from deploydb.query.bodies import body_of
from deploydb.query.existence import near_version, require_lane
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, text
from deploydb.store.effects.rollback import rollback_in
from deploydb.store.queries.live_intervals import came_after

_MOST_UNDONE = 50


class Away(Struct, frozen=True, kw_only=True):
    """What runs now and would go."""

    version: str
    deployment: int
    since: str


class Target(Struct, frozen=True, kw_only=True):
    """What would come back. `completed`: it got through the whole pipeline, too."""

    version: str
    deployment: int
    since: str
    completed: bool


class Undone(Struct, frozen=True, kw_only=True, rename="camel"):
    """A release that would be undone."""

    version: str
    commit: str | None
    published_at: str


class Dependent(Struct, frozen=True, kw_only=True):
    """A gate of another service that asks about this lane. `broken`: the target would not do for it."""

    service: str
    environment: str
    promotion: str
    wants: str | None
    broken: bool


class Rollback(Struct, frozen=True, kw_only=True, rename={"away": "from", "target": "to"}):
    """What a rollback would do. `waits`: it is possible, and would wait for the end of a freeze."""

    service: str
    environment: str
    away: Away | None
    target: Target | None
    why: str
    undoes: list[Undone]
    dependents: list[Dependent]
    holds: list[str]
    possible: bool
    waits: bool


def rollback(asked: RequestContext) -> Rollback:
    """The target, why, what it undoes, who depends on the lane, and which holds stand against it.

    `decide` itself is asked what it would do.
    """
    service, environment = asked.name("service"), asked.name("environment")
    with asked.store() as connection:
        require_lane(connection, asked.catalog, service, environment)
        configured = asked.catalog.services.get(service)
        if configured is None:
            raise not_found(f"{shown(service)} is not configured: nothing of it is rolled back")
        wanted = RollbackRequested(
            id="",
            source="",
            service=service,
            environment=environment,
            by="",
            reason="",
            version=asked.option("to"),
            artifact=asked.option("artifact"),
        )
        near = near_version(connection, asked.catalog, service, asked.option("to"))
        plan = rollback_in(connection, asked.catalog, wanted, asked.now)
        away, target = plan.away, plan.target
        undone = _undone(connection, configured, environment, target, away) if target and away else []
    holds = _holds(asked, plan.snapshot, environment, target)
    return Rollback(
        service=service,
        environment=environment,
        away=body_of(Away, away, version=away.release.artifact.version, since=away.live_at) if away else None,
        target=body_of(Target, target, version=target.release.artifact.version, since=target.live_at)
        if target is not None
        else None,
        why=f"{plan.why}{near}",
        undoes=[body_of(Undone, one.artifact, published_at=one.published_at) for one in undone],
        dependents=list(_dependents(asked, service, environment, target)),
        holds=[wording.text(hold.held) for hold in holds],
        possible=target is not None,
        waits=target is not None and any(hold.kind == "freeze" for hold in holds),
    )


def _undone(
    connection: sa.Connection, service: Service, environment: str, target: KnownGood, away: CurrentVersion
) -> list[Release]:
    """What came after the target and is in what runs now; what has been rolled back already is not."""
    found = came_after(connection, service.ident, environment, target.release, target.deployment, limit=_MOST_UNDONE)
    newest = away.release.order_key(service.order)
    return [one for one in found if one.order_key(service.order) <= newest] or [away.release]


def _dependents(asked: RequestContext, service: str, environment: str, target: KnownGood | None) -> Iterator[Dependent]:
    """The gates of other services that ask about the lane, and whether the target would do for them."""
    for name in asked.catalog.dependents(service, environment):
        dependent = asked.catalog.services[name]
        for stage in asked.catalog.stages(dependent):
            gates = (
                *asked.catalog.entry_promotions(stage.environment),
                *asked.catalog.exit_promotions(dependent, stage),
            )
            for gate in gates:
                for wanted in gate.dependencies:
                    if (wanted.service, wanted.environment) != (service, environment):
                        continue
                    version = target.release.artifact.version if target is not None else None
                    yield Dependent(
                        service=name,
                        environment=stage.environment,
                        promotion=gate.ident,
                        wants=wanted.version,
                        broken=version is not None and not in_range(wanted.version, version),
                    )


def _holds(asked: RequestContext, situation: ServiceSnapshot, environment: str, target: KnownGood | None) -> list[Hold]:
    """What stands against it: a pin of another version, and freezes, which it waits for."""
    there = (None, environment)
    pins = standing(situation.holds, "pin", environments=there, version=None, now=asked.now)
    freezes = standing(situation.holds, "freeze", environments=there, version=None, now=asked.now)
    version = target.release.artifact.version if target is not None else None
    return [*(pin for pin in pins if pin.version != version), *freezes]


RESOURCES = (
    Resource(
        path="/api/rollback/{service}/{environment}",
        read=rollback,
        parameters=(
            text("to", "The version to go back to; without it the last one that was good."),
            text("artifact", "The module, GROUP:NAME, of a service that has several."),
        ),
        momentary=True,
    ),
)
