"""The target of an approval: the lane, the version in it, and a promotion that people answer."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace
from starlette.exceptions import HTTPException

from deploydb.domain.gates import Promotion
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.evidence import Approval
from deploydb.domain.model.facts import ApprovalGiven, ApprovalRefused
from deploydb.domain.model.promotions import FREEZE
from deploydb.engine.word_check import approval_obstacle
from deploydb.gateway.approval_request import ApprovalRequest
from deploydb.http.errors import existing, hint, not_found, shown
from deploydb.store.deployments import deployment_of
from deploydb.store.queries.deployments import DeploymentView, deployment_by_id
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.why import deployment_of_version


def require_promotion(catalog: Catalog, word: ApprovalRequest) -> None:
    """Return only where a promotion of that name guards the lane.

    Raises: HTTPException 404 where there is no such lane or promotion.
    """
    services = catalog.services
    service = existing(services.get(word.service), f"service {shown(word.service)}{hint(services)}")
    stages = {stage.environment: stage for stage in catalog.stages(service)}
    stage = stages.get(word.environment)
    if stage is None:
        if word.environment in catalog.environments:
            raise _unknown(f"stage {word.environment} of {word.service}", stages)
        raise _unknown(f"environment {shown(word.environment)}", catalog.environments)
    if word.promotion == FREEZE:
        return
    guards = _guards(catalog, word)
    if word.promotion not in guards:
        manual = [name for name, promotion in guards.items() if promotion.asks_people]
        raise _unknown(f"promotion {shown(word.promotion)} of {word.service} in {word.environment}", manual)


def _guards(catalog: Catalog, word: ApprovalRequest) -> dict[str, Promotion]:
    """The promotions that guard the lane, by name."""
    service = catalog.services[word.service]
    stage = next(stage for stage in catalog.stages(service) if stage.environment == word.environment)
    guards = (*catalog.entry_promotions(word.environment), *catalog.exit_promotions(service, stage))
    return {promotion.ident: promotion for promotion in guards}


def require_deployment(connection: sa.Connection, word: ApprovalRequest) -> DeploymentView | None:
    """The deployment of the approval: the one that it names, else the version's last one in the lane; None for a
    version that is still to come, where the word is `early`.

    Raises: HTTPException 404 where there is none.
    """
    ident = word.deployment
    if ident is None:
        ident = deployment_of_version(connection, word.service, word.environment, word.version)
    found = deployment_by_id(connection, ident) if ident is not None else None
    if found is not None and (found.service, found.environment, found.artifact.version) == (
        word.service,
        word.environment,
        word.version,
    ):
        return found
    lane = f"{shown(word.version)} of {word.service} in {word.environment}"
    if word.deployment is not None:
        raise not_found(f"there is no deployment {word.deployment} of {lane}")
    if word.early:
        return None
    raise not_found(f"there is no version {lane}; `early` keeps it for a version that is still to come")


def require_counts(
    connection: sa.Connection,
    catalog: Catalog,
    seen: DeploymentView,
    fact: ApprovalGiven | ApprovalRefused,
    now: datetime,
) -> None:
    """Return only where the word counts, now or once it is asked for.

    Raises: HTTPException 422 where it would not, with who would.
    """
    holds = holds_at(connection, now, fact.service)
    word = replace(Approval.of(fact), given=isinstance(fact, ApprovalGiven))
    obstacle = approval_obstacle(catalog, deployment_of(connection, seen.id), word, holds, now, errored=seen.errored)
    if obstacle is not None:
        raise HTTPException(422, f"it would not count: {obstacle}")


def _unknown(what: str, known: Collection[str]) -> HTTPException:
    return not_found(f"there is no {what}{hint(known)}")
