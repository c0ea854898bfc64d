"""What a person's order is about: a lane, a version and a hold that exist."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from starlette.exceptions import HTTPException

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.facts import (
    AboutApproval,
    AboutHold,
    AboutIncident,
    ArtifactAccepted,
    Fact,
    HoldLifted,
    HoldPlaced,
)
from deploydb.domain.model.overrides import Hold
from deploydb.domain.model.promotions import FREEZE
from deploydb.domain.wording import text
from deploydb.http.errors import nearest, not_found, shown
from deploydb.store.queries.existence import lane_is_stored, service_is_stored, version_of_service_is_stored
from deploydb.store.queries.holds import holds_from
from deploydb.store.queries.why import deployment_of_version


def require_place(connection: sa.Connection, catalog: Catalog, fact: Fact) -> None:
    """Return only where the service and the environment of an order exist, and each stage that it names: configured,
    or for a hold and an incident stored.

    Raises: HTTPException 404.
    """
    service, environment = getattr(fact, "service", None), getattr(fact, "environment", None)
    is_stored = isinstance(fact, AboutHold | AboutIncident)
    if service is None:
        if environment is not None and environment not in catalog.environments:
            raise _unknown("environment", environment, catalog.environments)
        return
    if service not in catalog.services:
        if is_stored and service_is_stored(connection, service):
            return
        raise _unknown("service", service, catalog.services)
    stages = catalog.environments_of(service)
    named = [environment] if environment is not None else []
    for stage in (*named, *(getattr(fact, fact.stages) if fact.stages is not None else ())):
        if stage in stages or (is_stored and lane_is_stored(connection, service, stage)):
            continue
        if stage in catalog.environments:
            raise _unknown("stage", stage, stages, f" of {service}")
        raise _unknown("environment", stage, catalog.environments)
    if isinstance(fact, AboutApproval) and environment is not None:
        _require_promotion(catalog, service, environment, fact.promotion)


def require_version(connection: sa.Connection, fact: HoldPlaced) -> None:
    """Raises: HTTPException 404 where the service has no version that a hold names, of a pin in its lane."""
    if fact.service is None or fact.version is None:
        return
    if fact.kind == "pin" and fact.environment is not None:
        known = deployment_of_version(connection, fact.service, fact.environment, fact.version) is not None
    else:
        known = version_of_service_is_stored(connection, fact.service, fact.version)
    if not known:
        raise unknown_version(fact)


def unknown_version(fact: Fact) -> HTTPException:
    """404 for an order for a version that is not there."""
    given: Any = fact
    where = f" in {given.environment}" if getattr(fact, "environment", None) is not None else ""
    of = given.artifact.module if isinstance(fact, ArtifactAccepted) else given.service
    lane = f"{shown(given.version or '')} of {of}{where}"
    deployment = getattr(fact, "deployment", None)
    if deployment is not None:
        return not_found(f"there is no deployment {deployment} of {lane}")
    early = "; `early` keeps it for a version that is still to come" if _may_be_early(fact) else ""
    return not_found(f"there is no version {lane}{early}")


def meant_hold(connection: sa.Connection, fact: HoldLifted, now: datetime) -> Hold:
    """The hold that is to be lifted: by its id or the beginning of it, else the only one of that kind and scope.

    Raises: HTTPException 422 where there is none, or where several are.
    """
    scope = Hold.of(fact).scope
    there = [hold for hold in holds_from(connection, now) if hold.scope == scope]
    exact = [hold for hold in there if hold.hold == fact.hold]
    found = exact or [hold for hold in there if fact.hold is None or hold.hold.startswith(fact.hold)]
    if len(found) == 1:
        return found[0]
    if not there:
        raise HTTPException(422, f"nothing is lifted: there is no such {fact.kind}")
    ids = "; ".join(f"{hold.hold}: {text(hold.held)}" for hold in there)
    problem = f"{len(found)} holds match" if found else f"there is no {fact.kind} {shown(fact.hold or '')} there"
    raise HTTPException(422, f"nothing is lifted: {problem}: choose one by its id as `hold`, or `all`: {ids}")


def _may_be_early(fact: Fact) -> bool:
    return isinstance(fact, AboutApproval) or (isinstance(fact, HoldPlaced) and fact.kind == "veto")


def _require_promotion(catalog: Catalog, service: str, environment: str, promotion: str) -> None:
    """Raises: HTTPException 404 where no promotion of that name guards the lane."""
    if promotion == FREEZE:
        return
    configured = catalog.services[service]
    stage = next(stage for stage in catalog.stages(configured) if stage.environment == environment)
    gates = (*catalog.entry_promotions(environment), *catalog.exit_promotions(configured, stage))
    guards = {gate.ident: gate for gate in gates}
    if promotion not in guards:
        manual = [name for name, gate in guards.items() if gate.asks_people]
        raise _unknown("promotion", promotion, manual, f" of {service} in {environment}")


def _unknown(kind: str, name: str, known: Collection[str], where: str = "") -> HTTPException:
    return not_found(f"there is no {kind} {shown(name)}{where}{nearest(name, known)}")
