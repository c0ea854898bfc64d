"""The target of an approval: the lane, the version in it, and a promotion that people answer."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace
from starlette.exceptions import HTTPException

from deploydb.domain.formatting import listed
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


def require_answerable(catalog: Catalog, word: ApprovalRequest, seen: DeploymentView, person: str) -> None:
    """Return only where people answer the promotion: a manual one, or one that cannot tell and that `person` may
    answer for.

    Raises: HTTPException 422 where it is not for people to answer, or not for this one.
    """
    guards = _guards(catalog, word)
    promotion = guards.get(word.promotion)
    if word.promotion == FREEZE or promotion is None or promotion.asks_people:
        return
    errored = word.promotion in seen.errored
    if errored and catalog.overrides_freezes(person):
        return
    if errored:
        groups = catalog.freeze_overriders
        who = f"members of {listed(groups, 'or')}" if groups else "no user: `override_freeze` of access.yml is empty"
        raise HTTPException(422, f"promotion {word.promotion} has no answer; those who may answer for it: {who}")
    manual = [name for name, guard in guards.items() if guard.asks_people]
    message = f"promotion {word.promotion} is a {promotion.type}: it is not for people to answer"
    raise HTTPException(422, f"{message}{hint(manual)}")


def _guards(catalog: Catalog, word: ApprovalRequest) -> dict[str, Promotion]:
    """The promotions that guard the lane, by name."""
    service = catalog.services[word.service]
    stage = next(stage for stage in catalog.stages(service) if stage.environment == word.environment)
    guards = (*catalog.entry_promotions(word.environment), *catalog.exit_promotions(service, stage))
    return {promotion.ident: promotion for promotion in guards}


def require_deployment(connection: sa.Connection, word: ApprovalRequest) -> DeploymentView:
    """The deployment of the approval: the one that it names, else the version's last one in the lane.

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
    raise not_found(f"there is no version {lane}")


def obstacle(
    connection: sa.Connection,
    catalog: Catalog,
    seen: DeploymentView,
    fact: ApprovalGiven | ApprovalRefused,
    now: datetime,
) -> str | None:
    """Why the word does not count, with who would; None where it does."""
    holds = holds_at(connection, now, fact.service)
    word = replace(Approval.of(fact), given=isinstance(fact, ApprovalGiven))
    return approval_obstacle(catalog, deployment_of(connection, seen.id), word, holds, now, errored=seen.errored)


def _unknown(what: str, known: Collection[str]) -> HTTPException:
    return not_found(f"there is no {what}{hint(known)}")
