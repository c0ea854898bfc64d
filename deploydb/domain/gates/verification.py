"""`VerificationPromotion`: jobs report whether they passed. What `workers.verify` asks is answered by reports too."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from deploydb.domain.gates.context import GateContext
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.evidence import Verification
from deploydb.domain.model.gate_reasons import (
    AwaitingJobs,
    CheckRunning,
    CheckUnanswered,
    JobsFailed,
    JobsPassed,
    JobsTimedOut,
)
from deploydb.domain.model.promotions import CheckedPromotion, VerificationPromotion, WebhookPromotion
from deploydb.domain.model.reason_parts import JobReport


def verification(promotion: VerificationPromotion, context: GateContext) -> Verdict:
    """Each job's latest report decides. None, or one that is no answer, is a no once the timeout has passed."""
    ident = promotion.ident
    jobs = promotion.jobs or (ident,)
    latest = _latest(context.evidence.verifications, jobs)
    inputs = tuple(report.event for report in latest.values() if report.event is not None)
    failed, errored = _reports(latest, "failed"), _reports(latest, "errored")
    if failed:
        return Verdict(promotion=ident, outcome=GateStatus.FAIL, reason=JobsFailed(reports=failed), inputs=inputs)
    missing = tuple(job for job in jobs if job not in latest)
    if not errored and not missing:
        passed = JobsPassed(reports=_reports(latest, "passed"))
        return Verdict(promotion=ident, outcome=GateStatus.PASS, reason=passed, inputs=inputs)
    outcome = GateStatus.ERROR if errored else GateStatus.PENDING
    awaiting = AwaitingJobs(missing=missing, errored=errored)
    if promotion.timeout is None or context.since is None:
        return Verdict(promotion=ident, outcome=outcome, reason=awaiting, inputs=inputs)
    due = context.since + promotion.timeout
    if context.now < due:
        return Verdict(promotion=ident, outcome=outcome, reason=awaiting, recheck_at=due, inputs=inputs)
    late = JobsTimedOut(timeout=promotion.timeout, missing=missing, errored=errored)
    return Verdict(promotion=ident, outcome=GateStatus.FAIL, reason=late, inputs=inputs)


def checked(promotion: CheckedPromotion, context: GateContext) -> Verdict:
    """The latest answer decides. One that is no answer yet says how far it is; it is asked again."""
    ident = promotion.ident
    report = _latest(context.evidence.verifications, (ident,)).get(ident)
    if report is None:
        url = promotion.url if isinstance(promotion, WebhookPromotion) else promotion.prometheus
        running = CheckRunning(promotion=ident, url=url)
        return Verdict(promotion=ident, outcome=GateStatus.PENDING, reason=running)
    inputs = (report.event,) if report.event is not None else ()
    reports = (JobReport(job=ident, text=report.reason),)
    match report.outcome:
        case "passed":
            return Verdict(promotion=ident, outcome=GateStatus.PASS, reason=JobsPassed(reports=reports), inputs=inputs)
        case "failed":
            return Verdict(promotion=ident, outcome=GateStatus.FAIL, reason=JobsFailed(reports=reports), inputs=inputs)
        case "errored":
            unanswered = CheckUnanswered(promotion=ident, text=report.reason)
            return Verdict(promotion=ident, outcome=GateStatus.ERROR, reason=unanswered, inputs=inputs)


def verified_at(promotion: VerificationPromotion | CheckedPromotion, context: GateContext) -> datetime | None:
    """When the last of the jobs reported that it passed."""
    jobs = (promotion.jobs if isinstance(promotion, VerificationPromotion) else ()) or (promotion.ident,)
    times = [report.at.time for report in _latest(context.evidence.verifications, jobs).values()]
    return max(times, default=None)


def _latest(reports: Sequence[Verification], jobs: Sequence[str]) -> dict[str, Verification]:
    """The last report of each job that has reported, in the order of the jobs."""
    found: dict[str, Verification] = {}
    for report in sorted(reports, key=lambda one: one.at):
        found[report.promotion] = report
    return {job: found[job] for job in jobs if job in found}


def _reports(latest: Mapping[str, Verification], outcome: str) -> tuple[JobReport, ...]:
    return tuple(JobReport(job=job, text=one.reason) for job, one in latest.items() if one.outcome == outcome)
