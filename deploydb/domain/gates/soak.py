"""`SoakPromotion`: the version has run for a while, verified and without an incident."""

from collections.abc import Sequence
from datetime import datetime

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.verification import verified_at
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.evidence import Incident, Verification
from deploydb.domain.model.gate_reasons import Soaked, SoakIncident, Soaking, SoakNotLive, SoakUnverified
from deploydb.domain.model.promotions import Promotion, ReportedPromotion, SoakPromotion


def soak(promotion: SoakPromotion, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
    """The duration has passed since it came to run and was verified.

    A failed verification or an incident in that time starts it again. `others`: what the other gates say.
    """
    ident = promotion.ident
    if context.since is None:
        return context.verdict(ident, GateStatus.PENDING, SoakNotLive())
    reported = [(one, verdict) for one, verdict in others if isinstance(one, ReportedPromotion)]
    unverified = [one.ident for one, verdict in reported if verdict.outcome is not GateStatus.PASS]
    if unverified:
        return context.verdict(ident, GateStatus.PENDING, SoakUnverified(unmet=tuple(unverified)))
    troubled = [incident for incident in context.evidence.incidents if incident.open]
    if troubled:
        broken = SoakIncident(incidents=tuple(incident.report for incident in troubled))
        inputs = tuple(incident.event for incident in troubled if incident.event is not None)
        return context.verdict(ident, GateStatus.PENDING, broken, inputs=inputs)
    began, last = _began(context, context.since, [one for one, _ in reported])
    due = began + promotion.duration
    if context.now >= due:
        return context.verdict(ident, GateStatus.PASS, Soaked(promotion=ident, duration=promotion.duration))
    reason = Soaking(
        duration=promotion.duration,
        until=due,
        after_job=last.promotion if isinstance(last, Verification) else None,
        after_incident=last.report if isinstance(last, Incident) else None,
    )
    return context.verdict(ident, GateStatus.PENDING, reason, recheck_at=due)


def _began(
    context: GateContext, since: datetime, reported: Sequence[ReportedPromotion]
) -> tuple[datetime, Verification | Incident | None]:
    """When the soak began, and the failed report or incident after which it began again."""
    verified = [at for one in reported if (at := verified_at(one, context)) is not None]
    began = max([since, *verified])
    failed = (report for report in context.evidence.verifications if report.outcome == "failed")
    breaks: list[Verification | Incident] = [*failed, *context.evidence.incidents]
    last = max(breaks, key=lambda one: one.at, default=None)
    return (last.at.time, last) if last is not None and last.at.time > began else (began, None)
