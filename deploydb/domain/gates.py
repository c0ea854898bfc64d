"""One function for each promotion type: what it says of a deployment, why, and when to ask again.

A gate sees the deployment, the reports and approvals on it, and the time. It returns PASS, PENDING with what it
waits for, FAIL where something said no, or ERROR where something technical prevents a judgement. FAIL and ERROR are
never mixed up: an errored job may report again, a failed one stops the flow.
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
    promotions: Sequence[Promotion],
    deployment: Deployment,
    evidence: Evidence,
    now: datetime,
    *,
    since: datetime | None = None,
) -> tuple[Verdict, ...]:
    """A verdict for each promotion, in their order. People are asked last: once every automatic gate has passed.

    `since`: when the clocks of soaks and timeouts began. By default when the deployment came to run; at the door of a
    stage, when its release came to run upstream.
    """
    began = since if since is not None else deployment.running_since
    verdicts = [_judge_one(promotion, deployment, evidence, now, began) for promotion in promotions]
    unmet = [
        verdict.promotion
        for promotion, verdict in zip(promotions, verdicts, strict=True)
        if not isinstance(promotion, ManualPromotion) and verdict.outcome is not Outcome.PASS
    ]
    return tuple(
        _later(verdict, unmet) if isinstance(promotion, ManualPromotion) else verdict
        for promotion, verdict in zip(promotions, verdicts, strict=True)
    )


def _judge_one(
    promotion: Promotion, deployment: Deployment, evidence: Evidence, now: datetime, since: datetime | None
) -> Verdict:
    match promotion:
        case VerificationPromotion():
            return verification(promotion, evidence, now, since)
        case ManualPromotion():
            return manual(promotion, deployment.release.published_by, evidence)
        case SoakPromotion():
            return soak(promotion, now, since)
        case _:
            assert_never(promotion)


def _later(verdict: Verdict, unmet: Sequence[str]) -> Verdict:
    """What people are asked, once what need not ask them has passed. A word that they have given already stands."""
    if not unmet or verdict.outcome is not Outcome.PENDING:
        return verdict
    reason = f"people are asked once {_listed(unmet)} passed"
    return Verdict(promotion=verdict.promotion, outcome=Outcome.PENDING, reason=reason, inputs=verdict.inputs)


def verification(
    promotion: VerificationPromotion, evidence: Evidence, now: datetime, since: datetime | None
) -> Verdict:
    """The job's latest report decides. None, or one that is no answer, is a no once the timeout has passed."""
    ident = promotion.ident
    reports = [report for report in evidence.verifications if report.promotion == ident]
    report = max(reports, key=lambda one: one.at, default=None)
    inputs = (report.event,) if report is not None and report.event is not None else ()
    said = f": {report.reason}" if report is not None and report.reason else ""
    if report is not None and report.outcome == "passed":
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=f"{ident} passed{said}", inputs=inputs)
    if report is not None and report.outcome == "failed":
        return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=f"{ident} failed{said}", inputs=inputs)
    waits = f"waits for {ident} to report" if report is None else f"{ident} could not tell{said}; it may report again"
    outcome = Outcome.PENDING if report is None else Outcome.ERROR
    if promotion.timeout is None or since is None:
        return Verdict(promotion=ident, outcome=outcome, reason=waits, inputs=inputs)
    due = since + promotion.timeout
    if now < due:
        return Verdict(promotion=ident, outcome=outcome, reason=waits, recheck_at=due, inputs=inputs)
    last = "" if report is None else f"; at last it could not tell{said}"
    reason = f"{ident} did not answer within {in_words(promotion.timeout)}{last}"
    return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=reason, inputs=inputs)


def manual(promotion: ManualPromotion, author: str, evidence: Evidence) -> Verdict:
    """Enough different people said yes, and nobody no. Each person's latest word counts, once.

    `author`: who published the release.
    """
    ident = promotion.ident
    said: dict[str, Approval] = {}
    for word in sorted(evidence.approvals, key=lambda one: one.at):
        if word.promotion == ident:
            said[word.by] = word
    words = [said[person] for person in sorted(said)]
    inputs = tuple(word.event for word in words if word.event is not None)
    refusals = [f"{word.by}: {word.comment}" if word.comment else word.by for word in words if not word.given]
    if refusals:
        reason = f"{ident} refused by {', '.join(refusals)}"
        return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=reason, inputs=inputs)
    people = [person for person in sorted(said) if promotion.allow_author or person != author]
    if len(people) >= promotion.approvals:
        reason = f"approved by {', '.join(people)}"
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=reason, inputs=inputs)
    missing = promotion.approvals - len(people)
    reason = f"waits for {missing} approval{'s' if missing > 1 else ''}"
    if people:
        reason += f" beside {', '.join(people)}"
    if len(people) < len(said):
        reason += f"; {author} published it and does not count"
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, inputs=inputs)


def soak(promotion: SoakPromotion, now: datetime, since: datetime | None) -> Verdict:
    """The duration has passed since it came to run."""
    ident = promotion.ident
    if since is None:
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason="soaks once it runs")
    due = since + promotion.duration
    if now >= due:
        reason = f"{ident} {in_words(promotion.duration)} met"
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=reason)
    reason = f"soaks for {in_words(promotion.duration)}, until {due:%Y-%m-%d %H:%M:%S} UTC"
    return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=reason, recheck_at=due)


def in_words(duration: timedelta) -> str:
    """`2h30m`, `45s`, `3d`, `0.5s`: the largest units first, without zeros. Fractions count only below a second."""
    total = duration.total_seconds()
    if total < 1:
        return f"{total:.6f}".rstrip("0").rstrip(".") + "s"
    seconds = int(total)
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _listed(idents: Sequence[str]) -> str:
    return " and ".join((", ".join(idents[:-1]), idents[-1])) if len(idents) > 1 else idents[0]
