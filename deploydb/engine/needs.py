"""What a deployment needs: an action of a person, a job or an orchestrator, or a time that comes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, assert_never

from msgspec import Struct

from deploydb.domain.gate_wording import attestation_text, incidents_text
from deploydb.domain.gates import GateContext
from deploydb.domain.gates.formatting import in_words, listed
from deploydb.domain.gates.manual import count
from deploydb.domain.model.deployment import Deployment, Phase, Verdict
from deploydb.domain.model.evidence import Incident
from deploydb.domain.model.gate_reasons import ApprovalDeferred, AwaitingAttestation, DigestMissing, Soaking
from deploydb.domain.model.overrides import Hold, standing
from deploydb.domain.model.promotions import (
    FREEZE,
    INCIDENT,
    DependsOnPromotion,
    ExpressionPromotion,
    ManualPromotion,
    MetricPromotion,
    Promotion,
    ProvenancePromotion,
    SoakPromotion,
    VerificationPromotion,
    WebhookPromotion,
    WindowPromotion,
)
from deploydb.domain.wording import joined, text

Key = tuple[object, ...]
"""The identity of a need, the same in each run from one snapshot. Its first item says what is meant by the rest:

("finish", DEPLOYMENT), ("attempt", DEPLOYMENT), ("gate", DEPLOYMENT, PHASE, PROMOTION),
("incident", ENVIRONMENT, NAME), ("hold", *SCOPE).
"""
Kind = Literal["approval", "report", "time", "window", "hold", "deployment", "rollback", "other"]
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_CERTAIN = timedelta(seconds=1)


class Need(Struct, frozen=True, kw_only=True):
    """One thing that must happen, in an environment; of a gate, on which side (`phase`).

    `deployment`: its id; None: of the lane. `earliest`: of a `timed` one, which time alone brings; None there: its time
    is not known.
    """

    key: Key
    kind: Kind
    text: str
    environment: str
    promotion: str | None = None
    phase: Phase | None = None
    earliest: datetime | None = None
    deployment: int | None = None
    timed: bool = False


def gate_need(promotion: Promotion, verdict: Verdict, context: GateContext) -> Need | None:
    """The need of a gate that has not passed; None where another gate's comes first, nothing brings it, or what it
    asks for is there and it has not been evaluated since."""
    match promotion:
        case ManualPromotion():
            approvals = _approvals(promotion, context)
            asked = approvals and not isinstance(verdict.reason, ApprovalDeferred)
            return _need("approval", approvals, context, verdict) if asked else None
        case VerificationPromotion() | WebhookPromotion() | MetricPromotion():
            jobs = missing_jobs(promotion, context)
            return _need("report", f"{listed(jobs)} to pass", context, verdict) if jobs else None
        case SoakPromotion():
            if not isinstance(verdict.reason, Soaking):
                return None
            left = in_words(_whole(verdict.reason.until - context.now))
            return _need("time", f"{left} of soak", context, verdict, until=verdict.recheck_at)
        case WindowPromotion():
            opening = "to open" if verdict.recheck_at is not None else "to open, which it does not within two years"
            return _need("window", f"{promotion.ident} {opening}", context, verdict, until=verdict.recheck_at)
        case DependsOnPromotion():
            version = f" {promotion.version}" if promotion.version is not None else ""
            wanted = f"{promotion.service}{version} to succeed in {promotion.environment}"
            return _need("other", wanted, context, verdict)
        case ExpressionPromotion():
            return _need("other", f"{promotion.ident} to hold ({promotion.expression})", context, verdict)
        case ProvenancePromotion():
            missing = verdict.reason
            if isinstance(missing, DigestMissing):
                return None
            wanted = attestation_text(missing) if isinstance(missing, AwaitingAttestation) else text(missing)
            return _need("other", wanted, context, verdict)
        case _:
            assert_never(promotion)


def missing_jobs(
    promotion: VerificationPromotion | WebhookPromotion | MetricPromotion, context: GateContext
) -> list[str]:
    """The jobs whose latest report is not that they passed."""
    latest = {one.promotion: one.outcome for one in sorted(context.evidence.verifications, key=lambda one: one.at)}
    jobs = (promotion.jobs if isinstance(promotion, VerificationPromotion) else ()) or (promotion.ident,)
    return [job for job in jobs if latest.get(job) != "passed"]


def deployment_need(deployment: Deployment, *, begun: bool) -> Need:
    """The end of an active deployment. `begun`: it has been commanded already."""
    what = "rollback" if deployment.kind == "rollback" else "deployment"
    name = f"the {what} of {deployment.release.artifact.version} to {deployment.environment}"
    finished = f"{name} to finish" if begun else name
    return Need(
        key=("finish", deployment.id),
        kind="deployment",
        text=finished,
        environment=deployment.environment,
        deployment=deployment.id,
    )


def attempt_need(deployment: Deployment) -> Need:
    """The time of a further attempt."""
    return Need(
        key=("attempt", deployment.id),
        kind="time",
        text=f"the time of attempt {deployment.attempt}",
        environment=deployment.environment,
        earliest=deployment.not_before,
        deployment=deployment.id,
        timed=True,
    )


def incident_need(incident: Incident, environment: str) -> Need:
    """The end of an incident."""
    over = f"{incidents_text((incident.report,))} to be over"
    key = ("incident", environment, incident.name)
    return Need(key=key, kind="report", text=over, environment=environment, promotion=INCIDENT)


def hold_need(hold: Hold, environment: str) -> Need:
    """The end of a hold: at its time, or by a person."""
    held = text(hold.held)
    end = f"the end of the {hold.kind} ({held})" if hold.until is not None else f"the {hold.kind} to be lifted ({held})"
    return Need(
        key=("hold", *hold.scope),
        kind="hold",
        text=end,
        environment=environment,
        earliest=hold.until,
        timed=hold.until is not None,
    )


def override_need(deployment: Deployment, holds: Sequence[Hold], overriders: Sequence[str], now: datetime) -> Need:
    """The override of the freezes over a deployment."""
    environment = deployment.environment
    freezes = standing(holds, "freeze", environments=(None, environment), version=None, now=now)
    end = joined(hold.held for hold in freezes)
    override = f"an override of the freeze by {listed(overriders, 'or')}, or its end ({end})"
    return Need(
        key=("gate", deployment.id, "entry", FREEZE),
        kind="hold",
        text=override,
        environment=environment,
        promotion=FREEZE,
        phase="entry",
        deployment=deployment.id,
    )


def _approvals(promotion: ManualPromotion, context: GateContext) -> str:
    votes = count(promotion, context)
    parts = []
    if votes.refused:
        parts.append(f"{listed([word.by for word in votes.refused])} to take back the refusal of {promotion.ident}")
    if votes.missing:
        number = _NUMBERS[votes.missing] if votes.missing < len(_NUMBERS) else str(votes.missing)
        of = f" of {listed(votes.groups, 'or')}" if votes.groups else ""
        other = " different" if promotion.distinct_groups and votes.missing > 1 else ""
        parts.append(f"{number}{other} approval{'s' if votes.missing > 1 else ''}{of}")
    return " and ".join(parts)


def _need(kind: Kind, text: str, context: GateContext, verdict: Verdict, *, until: datetime | None = None) -> Need:
    return Need(
        key=("gate", context.deployment.id, verdict.phase, verdict.promotion),
        kind=kind,
        text=text,
        environment=context.deployment.environment,
        promotion=verdict.promotion,
        phase=verdict.phase,
        earliest=until,
        deployment=context.deployment.id,
        timed=kind in ("time", "window"),
    )


def _whole(left: timedelta) -> timedelta:
    """Whole seconds, rounded up, where there is at least one."""
    return timedelta(seconds=-(-left // _CERTAIN)) if left > _CERTAIN else left
