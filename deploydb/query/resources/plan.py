"""Plan: `/api/plan/{service}`, what would happen to a version if it came now."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from deploydb.domain.artifact import version_key
from deploydb.domain.catalog import Service, Stage
from deploydb.domain.decisions import Situation
from deploydb.domain.forecast import Arrival, Expected, Lane, arrivals, expected, expected_of
from deploydb.domain.promotions import Promotion
from deploydb.domain.state import Status
from deploydb.query.asking import Asked, Body, iso
from deploydb.query.errors import bad_request, hint, not_found, shown
from deploydb.query.held import Held
from deploydb.query.resource import Resource, text
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.plan import deployments_took, gates_took
from deploydb.store.queries.why import deployment_of_version
from deploydb.store.situation import situations


def plan(asked: Asked) -> Body:
    """The stages in the order in which it would come to them: what asks there, what stands in the way now, and when it
    would be there, reckoned from how long the same steps took before."""
    name, version = asked.name("service"), asked.option("version")
    service = asked.catalog.services.get(name)
    if service is None:
        raise not_found(f"there is no service {shown(name)}{hint(asked.catalog.services)}")
    if version is None:
        raise bad_request("version is missing: which one would come?")
    stages = asked.catalog.stages(service)
    entry = {stage.environment: asked.catalog.entry_promotions(stage.environment) for stage in stages}
    exits = {stage.environment: asked.catalog.exit_promotions(service, stage) for stage in stages}
    with asked.store() as connection:
        lanes = {stage.environment: _lane(connection, name, stage.environment) for stage in stages}
        there = {
            stage.environment: deployment_of_version(connection, name, stage.environment, version) for stage in stages
        }
        held = Held(holds_at(connection, asked.now, name), asked.catalog)
        (situation,) = situations(connection, [name], asked.catalog, lock=False)
    expects = {one.environment: one for one in arrivals(stages, entry, exits, lanes, asked.now)}
    return {
        "service": name,
        "version": version,
        "now": iso(asked.now),
        "stages": [
            _stage_body(
                stage,
                entry[stage.environment],
                exits[stage.environment],
                lanes[stage.environment],
                expects[stage.environment],
            )
            | {
                "deployment": there[stage.environment],
                "obstacles": [
                    *_held(held, name, stage, version),
                    *_business(situation, service, stage, version),
                ],
            }
            for stage in stages
        ],
    }


def _lane(connection: sa.Connection, service: str, environment: str) -> Lane:
    gates = gates_took(connection, service, environment)
    measured = {promotion: one for promotion, taken in gates.items() if (one := expected(taken)) is not None}
    return Lane(deployment=expected(deployments_took(connection, service, environment)), gates=measured)


def _held(held: Held, service: str, stage: Stage, version: str) -> list[str]:
    """The holds that would stand against it: all but a pin of this very version."""
    over = held.over(service, stage.environment, [version])
    return [str(hold) for hold in over if hold.kind != "pin" or hold.version != version]


def _business(situation: Situation, service: Service, stage: Stage, version: str) -> list[str]:
    """What is going on in the lane: another deployment, one that is being verified, and what it would not replace."""
    told = []
    for known in situation.deployments:
        if known.environment != stage.environment or not known.open:
            continue
        other = known.release.artifact.version
        if known.active:
            told.append(f"{other} is being deployed (deployment {known.id})")
        elif known.status is Status.COMPLETED:
            told.append(f"{other} is being verified (deployment {known.id})")
    for (environment, _), ran in situation.running.items():
        runs = ran.release.artifact.version
        higher = service.order == "version" and version_key(runs) > version_key(version)
        if environment == stage.environment and higher and len(service.artifacts) == 1:
            told.append(f"{environment} runs {runs}, a higher version: it would be skipped")
    return told


def _stage_body(
    stage: Stage, entry: Sequence[Promotion], exits: Sequence[Promotion], lane: Lane, arrival: Arrival
) -> Body:
    return {
        "environment": stage.environment,
        "after": {stage.after.need: list(stage.after.environments)} if stage.after.environments else None,
        "gates": [
            *(_gate_body("entry", one, lane) for one in entry),
            *(_gate_body("exit", one, lane) for one in exits),
        ],
        "takes": _expected_body(lane.deployment),
        "entered": _span_body(arrival.entered),
        "verified": _span_body(arrival.verified),
    }


def _gate_body(where: str, promotion: Promotion, lane: Lane) -> Body:
    return {
        "promotion": promotion.ident,
        "type": promotion.type,
        "description": promotion.description,
        "asked": where,
        "takes": _expected_body(expected_of(promotion, lane.gates.get(promotion.ident))),
    }


def _expected_body(takes: Expected | None) -> Body | None:
    """How long it takes, in seconds; null where it has never been done there."""
    if takes is None:
        return None
    return {"p50": _seconds(takes.p50), "p90": _seconds(takes.p90), "samples": takes.samples}


def _seconds(duration: timedelta) -> float:
    return duration.total_seconds()


def _span_body(span: tuple[datetime, datetime] | None) -> Body | None:
    return {"p50": iso(span[0]), "p90": iso(span[1])} if span is not None else None


RESOURCES = (
    Resource(
        path="/api/plan/{service}",
        read=plan,
        parameters=(text("version", "Which version would come; without it any."),),
        momentary=True,
    ),
)
