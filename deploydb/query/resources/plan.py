"""Plan: `/api/plan/{service}`, what would happen to a version if it came now."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain import wording
from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.forecast import Expected, Lane, arrivals, expected, expected_of
from deploydb.domain.model.admission_reasons import BeingDeployed, BeingVerified, NewerIsLive
from deploydb.domain.model.artifact import version_key
from deploydb.domain.model.catalog import Service, Stage
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.promotions import Promotion
from deploydb.http.errors import bad_request, existing, hint, shown
from deploydb.query.bodies import body_of
from deploydb.query.hold_views import Held
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, needed
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.plan import deployments_took, gates_took
from deploydb.store.queries.why import deployment_of_version
from deploydb.store.snapshot import snapshots


class Takes(Struct, frozen=True, kw_only=True):
    """How long a step takes there, in seconds, by how often it has been taken."""

    p50: float
    p90: float
    samples: int


class Span(Struct, frozen=True, kw_only=True):
    """When something would be, at the median and at the ninth decile."""

    p50: str
    p90: str


class PlannedGate(Struct, frozen=True, kw_only=True):
    """A promotion that would be asked, on the way in or out. `takes`: null where it has never been asked there."""

    promotion: str
    type: str
    description: str
    asked: str
    takes: Takes | None


class PlannedStage(Struct, frozen=True, kw_only=True):
    """A stage that it would come to. `deployment`: its own there, if there is one; `obstacles`: what stands in the way
    now."""

    environment: str
    after: dict[str, list[str]] | None
    gates: list[PlannedGate]
    takes: Takes | None
    entered: Span | None
    verified: Span | None
    deployment: int | None
    obstacles: list[str]


class Plan(Struct, frozen=True, kw_only=True):
    """What would happen to a version if it came now."""

    service: str
    version: str
    now: str
    stages: list[PlannedStage]


def plan(asked: RequestContext) -> Plan:
    """The stages in the order in which it would come to them: what asks there, what stands in the way now, and when it
    would be there, reckoned from how long the same steps took before."""
    name, version = asked.name("service"), asked.option("version")
    services = asked.catalog.services
    service = existing(services.get(name), f"service {shown(name)}{hint(services)}")
    if version is None:
        raise bad_request("version is missing: which one would come?")
    stages = asked.catalog.stages(service)
    entry = {stage.environment: asked.catalog.entry_promotions(stage.environment) for stage in stages}
    exits = {stage.environment: asked.catalog.exit_promotions(service, stage) for stage in stages}
    with asked.store() as connection:
        lanes = {stage.environment: _lane(connection, name, stage.environment) for stage in stages}
        known = {
            stage.environment: deployment_of_version(connection, name, stage.environment, version) for stage in stages
        }
        held = Held(holds_at(connection, asked.now, name), asked.catalog)
        (situation,) = snapshots(connection, [name], asked.catalog, lock=False)
    expects = {one.environment: one for one in arrivals(stages, entry, exits, lanes, asked.now)}
    return Plan(
        service=name,
        version=version,
        now=asked.now.isoformat(),
        stages=[
            PlannedStage(
                environment=there,
                after={stage.after.need: list(stage.after.environments)} if stage.after.environments else None,
                gates=[
                    *(_gate("entry", one, lanes[there]) for one in entry[there]),
                    *(_gate("exit", one, lanes[there]) for one in exits[there]),
                ],
                takes=_takes(lanes[there].deployment),
                entered=_span(expects[there].entered),
                verified=_span(expects[there].verified),
                deployment=known[there],
                obstacles=[*_held(held, name, stage, version), *_business(situation, service, stage, version)],
            )
            for stage in stages
            for there in (stage.environment,)
        ],
    )


def _lane(connection: sa.Connection, service: str, environment: str) -> Lane:
    gates = gates_took(connection, service, environment)
    measured = {promotion: one for promotion, taken in gates.items() if (one := expected(taken)) is not None}
    return Lane(deployment=expected(deployments_took(connection, service, environment)), gates=measured)


def _held(held: Held, service: str, stage: Stage, version: str) -> list[str]:
    """The holds that would stand against it: all but a pin of this very version."""
    over = held.over(service, stage.environment, [version])
    return [wording.text(hold.held) for hold in over if hold.kind != "pin" or hold.version != version]


def _business(situation: ServiceSnapshot, service: Service, stage: Stage, version: str) -> list[str]:
    """What is going on in the lane: another deployment, one that is being verified, and what it would not replace."""
    obstacles = []
    for deployment in situation.deployments:
        if deployment.environment != stage.environment or not deployment.needs_evaluation:
            continue
        other = deployment.release.artifact.version
        if deployment.active:
            obstacles.append(wording.text(BeingDeployed(version=other, deployment=deployment.id)))
        elif deployment.status is Status.COMPLETED:
            obstacles.append(wording.text(BeingVerified(version=other, deployment=deployment.id)))
    for (environment, _), ran in situation.running.items():
        runs = ran.release.artifact.version
        if environment == stage.environment and runs == version:
            obstacles.append(f"{environment} runs it already")
        higher = service.order == "version" and version_key(runs) > version_key(version)
        if environment == stage.environment and higher and len(service.artifacts) == 1:
            skipped = NewerIsLive(environment=environment, version=runs, higher=True)
            obstacles.append(f"{wording.text(skipped)}: it would be skipped")
    return obstacles


def _gate(where: str, promotion: Promotion, lane: Lane) -> PlannedGate:
    takes = _takes(expected_of(promotion, lane.gates.get(promotion.ident)))
    return body_of(PlannedGate, promotion, promotion=promotion.ident, asked=where, takes=takes)


def _takes(takes: Expected | None) -> Takes | None:
    if takes is None:
        return None
    return Takes(p50=takes.p50.total_seconds(), p90=takes.p90.total_seconds(), samples=takes.samples)


def _span(span: tuple[datetime, datetime] | None) -> Span | None:
    return Span(p50=span[0].isoformat(), p90=span[1].isoformat()) if span is not None else None


RESOURCES = (
    Resource(
        path="/api/plan/{service}",
        read=plan,
        parameters=(needed("version", "Which version would come."),),
        momentary=True,
    ),
)
