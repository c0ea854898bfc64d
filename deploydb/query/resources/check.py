"""Check: `/api/check/{service}/{environment}`, whether a person's word or order would count. It does nothing."""

from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.fact_target import modules, target
from deploydb.domain.formatting import listed
from deploydb.domain.model.deployment import Deployment, FactOrder
from deploydb.domain.model.evidence import Approval
from deploydb.domain.model.facts import ApprovalGiven
from deploydb.domain.model.overrides import Hotfix, PromotionRequest
from deploydb.domain.person_names import person_name
from deploydb.engine.word_check import approval_obstacle
from deploydb.query.existence import require_lane, unknown_version
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Parameter, Resource, needed, text
from deploydb.store.deployment_resolver import candidates
from deploydb.store.deployments import deployment_of
from deploydb.store.effects.orders import order_outcome
from deploydb.store.queries.branches import branch_of_version
from deploydb.store.queries.deployments import deployment_by_id
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.why import deployment_of_version

_ORDERS = ("approve", "refuse", "promote", "hotfix")


class Check(Struct, frozen=True, kw_only=True):
    """Whether it would count, and why not; of an order that counts, what the version would wait for. `digest`: of the
    file that it is about."""

    order: str
    service: str
    environment: str
    version: str
    counts: bool
    why: str | None
    digest: str | None


def check(asked: RequestContext) -> Check:
    """Whether a person's approval, refusal, promotion or hotfix of a version would count, and why not."""
    service, environment = asked.name("service"), asked.name("environment")
    order, version, module = asked.option("order") or "", asked.option("version") or "", asked.option("artifact")
    with asked.store() as connection:
        require_lane(connection, asked.catalog, service, environment)
        ident = _ident(asked, connection, service, environment, version, module)
        if ident is None and order == "promote":
            branch = branch_of_version(connection, asked.catalog, service, environment, version, module)
            if branch is not None:
                counts, why = _order(asked, connection, None, order)
                digest = branch.release.artifact.digest
                return _check(asked, counts, why, digest)
        if ident is None:
            raise unknown_version(connection, asked.catalog, service, environment, version, module)
        counts, digest = False, None
        if order in ("approve", "refuse"):
            meant, why = _target(asked, connection, service, environment, version)
            if why is None:
                known = deployment_of(connection, meant if meant is not None else ident)
                why, digest = _approval(asked, connection, known, order), known.release.artifact.digest
            counts = why is None
        else:
            known = deployment_of(connection, ident)
            counts, why = _order(asked, connection, known, order)
            digest = known.release.artifact.digest
    return _check(asked, counts, why, digest)


def _check(asked: RequestContext, counts: bool, why: str | None, digest: str | None) -> Check:
    return Check(
        order=asked.option("order") or "",
        service=asked.name("service"),
        environment=asked.name("environment"),
        version=asked.option("version") or "",
        counts=counts,
        why=why,
        digest=digest,
    )


def _ident(
    asked: RequestContext,
    connection: sa.Connection,
    service: str,
    environment: str,
    version: str,
    module: str | None,
) -> int | None:
    """The deployment in the lane; of a hotfix, which names no lane, else in the last stage that the version goes
    through."""
    stages = reversed(asked.catalog.environments_of(service)) if asked.option("order") == "hotfix" else ()
    for name in (environment, *stages):
        ident = deployment_of_version(connection, service, name, version, module)
        if ident is not None:
            return ident
    return None


def _target(
    asked: RequestContext, connection: sa.Connection, service: str, environment: str, version: str
) -> tuple[int | None, str | None]:
    """The deployment that a word on the version would be taken for, and why it would be for none: several modules have
    the version, and none is named. None for one that has only been seen there."""
    fact = ApprovalGiven(
        id="",
        source="",
        time=asked.now,
        service=service,
        environment=environment,
        version=version,
        artifact=asked.option("artifact"),
        promotion=asked.option("promotion") or "",
        by=asked.option("by") or "",
        digest=asked.option("digest"),
    )
    lane = (service, environment, version)
    there = candidates(connection, [lane]).get(lane, ())
    meant, names = target(fact, there), modules(there)
    if meant is not None or len(names) < 2:
        return meant, None
    return None, f"{listed(names)} have {version} in {environment}: name one of them as `artifact` (--artifact)"


def _approval(asked: RequestContext, connection: sa.Connection, known: Deployment, order: str) -> str | None:
    word = Approval(
        promotion=asked.option("promotion") or "",
        by=person_name(asked.option("by") or ""),
        given=order == "approve",
        comment="",
        digest=asked.option("digest"),
        at=FactOrder(asked.now, "", ""),
    )
    holds = holds_at(connection, asked.now, known.service)
    view = deployment_by_id(connection, known.id)
    errored = view.errored if view is not None else ()
    return approval_obstacle(asked.catalog, known, word, holds, asked.now, errored=errored)


def _order(
    asked: RequestContext, connection: sa.Connection, known: Deployment | None, order: str
) -> tuple[bool, str | None]:
    skip = tuple(filter(None, (asked.option("skip") or "").split(",")))
    lane: dict[str, Any] = {"service": asked.name("service"), "version": asked.option("version") or ""}
    fields = lane | {"skip": skip, "by": person_name(asked.option("by") or ""), "reason": ""}
    at = FactOrder(asked.now, "\U0010ffff", "")
    made = (
        PromotionRequest(environment=asked.name("environment"), at=at, recorded_at=asked.now, **fields)
        if order == "promote"
        else Hotfix(at=at, **fields)
    )
    return order_outcome(connection, asked.catalog, known, made, asked.now)


RESOURCES = (
    Resource(
        path="/api/check/{service}/{environment}",
        read=check,
        parameters=(
            Parameter(name="order", about="The person's word or order.", required=True, choices=_ORDERS),
            needed("version", "The version that it is about."),
            text("promotion", "Of an approval or a refusal: the manual promotion, or `freeze`."),
            text("by", "Who gives it."),
            text("digest", "Of an approval or a refusal: the digest of the file that was seen."),
            text("artifact", "The module, GROUP:NAME, where several have the version."),
            text("skip", "Of a promotion or a hotfix: the stages that it passes by, separated by commas."),
        ),
        momentary=True,
    ),
)
