"""One function for each promotion type: what it says of a deployment, why, and when to ask again.

A gate sees the deployment, the reports and approvals on it, and the time. It returns PASS, PENDING with what it
waits for, FAIL where something said no, or ERROR where something technical prevents a judgement. FAIL and ERROR are
never mixed up: an errored job is run again, a failed one stops the flow.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_never

from msgspec import Struct

from deploydb.domain.catalog import ManualPromotion, Promotion, SoakPromotion, VerificationPromotion
from deploydb.domain.state import Approval, Deployment, Outcome, Verdict, Verification


class Evidence(Struct, frozen=True, kw_only=True):
    """What has been reported on one deployment."""

    verifications: tuple[Verification, ...] = ()
    approvals: tuple[Approval, ...] = ()


def judge(
    promotions: Sequence[Promotion], deployment: Deployment, evidence: Evidence, now: datetime
) -> tuple[Verdict, ...]:
    """A verdict for each promotion, in their order. People are asked last: once every automatic gate has passed."""
    automatic = {
        promotion.ident: _judge_one(promotion, deployment, evidence, now)
        for promotion in promotions
        if not isinstance(promotion, ManualPromotion)
    }
    unmet = [ident for ident, verdict in automatic.items() if verdict.outcome is not Outcome.PASS]
    return tuple(
        automatic.get(promotion.ident) or _ask_people(promotion, unmet, deployment, evidence, now)
        for promotion in promotions
    )


def _judge_one(promotion: Promotion, deployment: Deployment, evidence: Evidence, now: datetime) -> Verdict:
    match promotion:
        case VerificationPromotion():
            return verification(promotion, deployment, evidence, now)
        case ManualPromotion():
            return manual(promotion, deployment, evidence)
        case SoakPromotion():
            return soak(promotion, deployment, now)
        case _:
            assert_never(promotion)


def _ask_people(
    promotion: Promotion, unmet: list[str], deployment: Deployment, evidence: Evidence, now: datetime
) -> Verdict:
    verdict = _judge_one(promotion, deployment, evidence, now)
    if unmet and verdict.outcome is Outcome.PENDING:
        reason = f"people are asked once {_listed(unmet)} passed"
        return Verdict(promotion=promotion.ident, outcome=Outcome.PENDING, reason=reason, inputs=verdict.inputs)
    return verdict


def verification(
    promotion: VerificationPromotion, deployment: Deployment, evidence: Evidence, now: datetime
) -> Verdict:
    """The job's latest report decides; without one, its absence does once the timeout has passed."""
    ident = promotion.ident
    report = next((known for known in evidence.verifications if known.promotion == ident), None)
    if report is not None:
        inputs = (report.event,) if report.event is not None else ()
        said = f": {report.reason}" if report.reason else ""
        match report.outcome:
            case "passed":
                return Verdict(promotion=ident, outcome=Outcome.PASS, reason=f"{ident} passed{said}", inputs=inputs)
            case "failed":
                return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=f"{ident} failed{said}", inputs=inputs)
            case "errored":
                reason = f"{ident} could not tell{said}; it may report again"
                return Verdict(promotion=ident, outcome=Outcome.ERROR, reason=reason, inputs=inputs)
            case _:
                assert_never(report.outcome)
    since = deployment.running_since
    if promotion.timeout is not None and since is not None:
        due = since + promotion.timeout
        if now >= due:
            reason = f"{ident} did not report within {in_words(promotion.timeout)}"
            return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=reason)
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=f"waits for {ident} to report", recheck_at=due)
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=f"waits for {ident} to report")


def manual(promotion: ManualPromotion, deployment: Deployment, evidence: Evidence) -> Verdict:
    """Enough different people said yes, and nobody no. Each person's latest word counts, once."""
    ident = promotion.ident
    said = [approval for approval in evidence.approvals if approval.promotion == ident]
    inputs = tuple(approval.event for approval in said if approval.event is not None)
    refusal = next((approval for approval in said if not approval.given), None)
    if refusal is not None:
        reason = f"{ident} refused by {refusal.by}" + (f": {refusal.comment}" if refusal.comment else "")
        return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=reason, inputs=inputs)
    author = None if promotion.allow_author else deployment.release.published_by
    people = sorted({approval.by for approval in said if approval.by != author})
    if len(people) >= promotion.approvals:
        reason = f"approved by {', '.join(people)}"
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=reason, inputs=inputs)
    missing = promotion.approvals - len(people)
    reason = f"waits for {missing} approval{'s' if missing > 1 else ''}"
    if people:
        reason += f" beside {', '.join(people)}"
    if author is not None and any(approval.by == author for approval in said):
        reason += f"; {author} published it and does not count"
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, inputs=inputs)


def soak(promotion: SoakPromotion, deployment: Deployment, now: datetime) -> Verdict:
    """It has run for the duration. Counts from when it came to run, by our clock or the source's, whichever is later."""
    ident = promotion.ident
    since = deployment.running_since
    if since is None:
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason="soaks once it runs")
    due = since + promotion.duration
    if now >= due:
        reason = f"{ident} {in_words(promotion.duration)} met"
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=reason)
    reason = f"soaks for {in_words(promotion.duration)}, until {due:%Y-%m-%d %H:%M:%S} UTC"
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, recheck_at=due)


def in_words(duration: timedelta) -> str:
    """`2h30m`, `45s`, `3d`: the largest units first, without zeros; fractions of a second are dropped past the first."""
    total = duration.total_seconds()
    if total < 1:
        return f"{total:g}s"
    seconds = int(total)
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _listed(idents: Sequence[str]) -> str:
    return " and ".join((", ".join(idents[:-1]), idents[-1])) if len(idents) > 1 else idents[0]
