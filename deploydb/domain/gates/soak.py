"""`SoakPromotion`: the version has run for a while, verified and without an incident."""

from collections.abc import Sequence
from datetime import datetime

from deploydb.domain.gates.asked import Asked
from deploydb.domain.gates.verification import verified_at
from deploydb.domain.gates.words import in_words, instant, listed
from deploydb.domain.promotions import (
    MetricPromotion,
    Promotion,
    SoakPromotion,
    VerificationPromotion,
    WebhookPromotion,
)
from deploydb.domain.state import Outcome, Verdict

_VERIFYING = (VerificationPromotion, WebhookPromotion, MetricPromotion)


def soak(promotion: SoakPromotion, asked: Asked, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
    """The duration has passed since it came to run and was verified.

    A failed verification or an incident in that time starts it again. `others`: what the other gates say.
    """
    ident = promotion.ident
    if asked.since is None:
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason="soaks once it runs")
    unverified = [one.ident for one, verdict in others if _verifies(one) and verdict.outcome is not Outcome.PASS]
    if unverified:
        reason = f"soaks once {listed(unverified)} passed"
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason)
    troubled = [incident for incident in asked.evidence.incidents if incident.open]
    if troubled:
        reason = f"soaks once it is over: {'; '.join(str(incident) for incident in troubled)}"
        inputs = tuple(incident.event for incident in troubled if incident.event is not None)
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, inputs=inputs)
    began, again = _began(asked, asked.since, [one for one, _ in others])
    due = began + promotion.duration
    if asked.now >= due:
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=f"{ident} {in_words(promotion.duration)} met")
    reason = f"soaks for {in_words(promotion.duration)}, until {instant(due)}{again}"
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, recheck_at=due)


def _verifies(promotion: Promotion) -> bool:
    return isinstance(promotion, _VERIFYING)


def _began(asked: Asked, since: datetime, others: Sequence[Promotion]) -> tuple[datetime, str]:
    """When the soak began, and what it began again after."""
    verified = [at for one in others if isinstance(one, _VERIFYING) if (at := verified_at(one, asked)) is not None]
    began = max([since, *verified])
    breaks = [
        (report.at.time, f"{report.promotion} failed")
        for report in asked.evidence.verifications
        if report.outcome == "failed"
    ]
    breaks += [(incident.at.time, f"{incident} was over") for incident in asked.evidence.incidents]
    last, what = max(breaks, default=(since, ""))
    return (last, f", again since {what}") if last > began else (began, "")
