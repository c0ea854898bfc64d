"""Whether a person's order would count, tried before it is published: by the query service and by the gateway."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.fact_target import modules, target
from deploydb.domain.formatting import listed
from deploydb.domain.model import facts
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import FactOrder
from deploydb.domain.model.evidence import Approval
from deploydb.domain.model.overrides import Hotfix, PromotionRequest
from deploydb.domain.model.retry_reasons import RetryOrdered
from deploydb.domain.wording import text
from deploydb.engine.word_check import approval_obstacle
from deploydb.store.deployment_resolver import candidates
from deploydb.store.deployments import deployment_of
from deploydb.store.effects import holds
from deploydb.store.effects.acceptance import acceptance_obstacle
from deploydb.store.effects.orders import order_outcome
from deploydb.store.effects.retry import retry_outcome
from deploydb.store.effects.rollback import rollback_in
from deploydb.store.queries.branches import branch_of_version
from deploydb.store.queries.deployments import deployment_by_id
from deploydb.store.queries.holds import holds_at
from deploydb.store.queries.publications import words_on_version
from deploydb.store.queries.why import deployment_of_version

_LAST = "\U0010ffff"
"""After every source: an order that is tried comes after those of the same time."""


class Beforehand(Struct, frozen=True, kw_only=True):
    """Whether an order would count. `why`: why not, or what its version would wait for. `fact`: the order with what it
    leaves to the state filled in: the digest of the file, the version that is to go, the id of the hold."""

    fact: facts.Fact
    counts: bool
    why: str | None = None
    digest: str | None = None


def beforehand(
    connection: sa.Connection, catalog: Catalog, fact: facts.Fact, now: datetime, *, module: str | None = None
) -> Beforehand | None:
    """What would come of an order; None where its version has no deployment there. `module`: of a promotion or a hotfix
    of a service with several."""
    match fact:
        case facts.ApprovalGiven() | facts.ApprovalRefused():
            return _approval(connection, catalog, fact, now)
        case facts.PromotionRequested() | facts.HotfixDeclared():
            return _order(connection, catalog, fact, now, module)
        case facts.RetryRequested():
            reason = retry_outcome(connection, catalog, fact, now)
            counts = isinstance(reason, RetryOrdered)
            return Beforehand(fact=fact, counts=counts, why=None if counts else text(reason))
        case facts.RollbackRequested():
            plan = rollback_in(connection, catalog, fact, now)
            runs = plan.away.release.artifact.version if plan.away is not None else None
            fact = replace(fact, from_version=fact.from_version or runs)
            counts = plan.target is not None
            return Beforehand(fact=fact, counts=counts, why=None if counts else plan.why)
        case facts.HoldPlaced() | facts.HoldLifted():
            held, why = holds.outcome_beforehand(connection, fact, now)
            return Beforehand(fact=fact, counts=bool(held), why=why)
        case facts.AboutIncident():
            known, why = holds.incident_beforehand(connection, fact)
            return Beforehand(fact=fact, counts=bool(known), why=why)
        case facts.ArtifactAccepted(artifact=file):
            words = words_on_version(connection, file.group, file.name, file.version)
            obstacle = acceptance_obstacle(words, file) if words is not None else None
            return Beforehand(fact=fact, counts=obstacle is None, why=obstacle) if words is not None else None
        case _:
            raise TypeError(f"{facts.type_of(fact)} is no order of a person")


def _approval(
    connection: sa.Connection, catalog: Catalog, fact: facts.ApprovalGiven | facts.ApprovalRefused, now: datetime
) -> Beforehand | None:
    lane = (fact.service or "", fact.environment or "", fact.version or "")
    ident = fact.deployment
    if ident is None:
        there = candidates(connection, [lane]).get(lane, ())
        ident, names = target(fact, there), modules(there)
        if ident is None and fact.artifact is None and len(names) > 1:
            why = f"{listed(names)} have {lane[2]} in {lane[1]}: name one of them as `artifact` (--artifact)"
            return Beforehand(fact=fact, counts=False, why=why)
        ident = ident if ident is not None else deployment_of_version(connection, *lane, fact.artifact)
    view = deployment_by_id(connection, ident) if ident is not None else None
    if view is None or (view.service, view.environment, view.artifact.version) != lane:
        return None
    known, standing = deployment_of(connection, view.id), holds_at(connection, now, view.service)
    digest = known.release.artifact.digest
    fact = replace(fact, digest=fact.digest or digest)
    word = replace(Approval.of(fact), given=isinstance(fact, facts.ApprovalGiven))
    obstacle = approval_obstacle(catalog, known, word, standing, now, errored=view.errored)
    return Beforehand(fact=fact, counts=obstacle is None, why=obstacle, digest=digest)


def _order(
    connection: sa.Connection,
    catalog: Catalog,
    fact: facts.PromotionRequested | facts.HotfixDeclared,
    now: datetime,
    module: str | None,
) -> Beforehand | None:
    """Of a hotfix, which names no lane, the last stage that the version goes through counts."""
    service, version, at = fact.service, fact.version, FactOrder(now, _LAST, "")
    order: PromotionRequest | Hotfix
    if isinstance(fact, facts.PromotionRequested):
        stages = [fact.environment]
        order = replace(PromotionRequest.of(fact, recorded_at=now), at=at)
    else:
        stages = [*catalog.environments_of(service)[::-1]]
        order = replace(Hotfix.of(fact), at=at)
    there = (deployment_of_version(connection, service, stage, version, module) for stage in stages)
    ident = next((one for one in there if one is not None), None)
    if ident is not None:
        known = deployment_of(connection, ident)
        digest = known.release.artifact.digest
    elif isinstance(fact, facts.PromotionRequested):
        branch = branch_of_version(connection, catalog, service, fact.environment, version, module)
        if branch is None:
            return None
        known, digest = None, branch.release.artifact.digest
    else:
        return None
    counts, why = order_outcome(connection, catalog, known, order, now)
    return Beforehand(fact=fact, counts=counts, why=why, digest=digest)
