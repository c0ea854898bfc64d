"""`VerificationPromotion`: jobs report whether they passed. What `workers.verify` asks is answered by reports too."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from deploydb.domain.gates.context import GateContext
from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.evidence import Verification
from deploydb.domain.model.promotions import (
    CheckedPromotion,
    ReportedPromotion,
    VerificationPromotion,
    WebhookPromotion,
)
from deploydb.domain.model.reason_parts import JobReport


def verification(promotion: VerificationPromotion, context: GateContext) -> Verdict:
    """Each job's latest report decides. None, or one that is no answer, is a no once the timeout has passed."""
    ident = promotion.ident
    jobs = promotion.reported_as
    latest = _latest(context.evidence.verifications, jobs)
    inputs = tuple(report.event for report in latest.values() if report.event is not None)
    failed, errored = _reports(latest, "failed"), _reports(latest, "errored")
    if failed:
        return context.verdict(ident, GateStatus.FAIL, gate.JobsFailed(reports=failed), inputs=inputs)
    missing = tuple(job for job in jobs if job not in latest)
    if not errored and not missing:
        passed = gate.JobsPassed(reports=_reports(latest, "passed"))
        return context.verdict(ident, GateStatus.PASS, passed, inputs=inputs)
    outcome = GateStatus.ERROR if errored else GateStatus.PENDING
    awaiting = gate.AwaitingJobs(missing=missing, errored=errored)
    if promotion.timeout is None or context.since is None:
        return context.verdict(ident, outcome, awaiting, inputs=inputs)
    due = context.since + promotion.timeout
    if context.now < due:
        return context.verdict(ident, outcome, awaiting, recheck_at=due, inputs=inputs)
    late = gate.JobsTimedOut(timeout=promotion.timeout, missing=missing, errored=errored)
    return context.verdict(ident, GateStatus.FAIL, late, inputs=inputs)


def checked(promotion: CheckedPromotion, context: GateContext) -> Verdict:
    """The latest answer decides. One that is no answer yet says how far it is; it is asked again."""
    ident = promotion.ident
    report = _latest(context.evidence.verifications, (ident,)).get(ident)
    if report is None:
        url = promotion.url if isinstance(promotion, WebhookPromotion) else promotion.prometheus
        return context.verdict(ident, GateStatus.PENDING, gate.CheckRunning(promotion=ident, url=url))
    inputs = (report.event,) if report.event is not None else ()
    reports = (JobReport(job=ident, text=report.reason),)
    match report.outcome:
        case "passed":
            return context.verdict(ident, GateStatus.PASS, gate.JobsPassed(reports=reports), inputs=inputs)
        case "failed":
            return context.verdict(ident, GateStatus.FAIL, gate.JobsFailed(reports=reports), inputs=inputs)
        case "errored":
            unanswered = gate.CheckUnanswered(promotion=ident, text=report.reason)
            return context.verdict(ident, GateStatus.ERROR, unanswered, inputs=inputs)


def verified_at(promotion: ReportedPromotion, context: GateContext) -> datetime | None:
    """When the last of the jobs reported that it passed."""
    latest = _latest(context.evidence.verifications, promotion.reported_as)
    return max((report.at.time for report in latest.values()), default=None)


def _latest(reports: Sequence[Verification], jobs: Sequence[str]) -> dict[str, Verification]:
    """The last report of each job that has reported, in the order of the jobs."""
    found: dict[str, Verification] = {}
    for report in sorted(reports, key=lambda one: one.at):
        found[report.promotion] = report
    return {job: found[job] for job in jobs if job in found}


def _reports(latest: Mapping[str, Verification], outcome: str) -> tuple[JobReport, ...]:
    return tuple(JobReport(job=job, text=one.reason) for job, one in latest.items() if one.outcome == outcome)
