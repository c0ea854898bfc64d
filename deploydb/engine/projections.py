"""Facts folded into a ledger, as the store's projections fold them into tables."""

from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.model import facts
from deploydb.domain.model.deployment import merge
from deploydb.domain.model.evidence import Approval, Incident, Verification
from deploydb.domain.model.overrides import Hotfix, PromotionRequest, RetryRequest, RollbackRequest
from deploydb.engine.ledger import Ledger
from deploydb.engine.statements import keep_latest


def project(ledger: Ledger, number: int, fact: facts.Fact, recorded_at: datetime) -> None:
    """Fold in a fact about a service. `number`: of its log row. One that evaluations do not read changes nothing."""
    match fact:
        case facts.HotfixDeclared():
            keep_latest(ledger.hotfixes, fact.version, Hotfix.of(fact, number))
        case facts.PromotionRequested():
            request = PromotionRequest.of(fact, number, recorded_at=recorded_at)
            keep_latest(ledger.promotion_requests, (request.environment, request.version), request)
        case facts.RollbackRequested():
            ledger.wishes.append(RollbackRequest.of(fact, number, recorded_at=recorded_at))
        case facts.RetryRequested():
            ledger.retries.append(RetryRequest.of(fact, number))
        case facts.AboutIncident():
            ledger.trouble(fact.environment, Incident.of(fact, number, recorded_at=recorded_at))


def project_on_deployment(
    ledger: Ledger, id_: int, number: int, fact: facts.AboutDeployment, recorded_at: datetime | None = None
) -> None:
    """Fold in a fact about a deployment, also about one that is over: after a report it is evaluated again."""
    match fact:
        case facts.DeploymentStarted() | facts.DeploymentFinished():
            ledger.put(replace(merge(ledger.deployments[id_], fact, recorded_at), needs_evaluation=True))
        case facts.VerificationFinished():
            ledger.statements.report(id_, Verification.of(fact, number, recorded_at=recorded_at))
        case facts.AboutApproval():
            ledger.statements.approve(id_, Approval.of(fact, number, recorded_at=recorded_at))
        case _:
            raise TypeError(f"there is no place for {facts.type_of(fact)}, which is about a deployment")
