"""`VerificationPromotion`: jobs report whether they passed. What `workers.verify` asks is answered by reports too."""

from collections.abc import Sequence
from datetime import datetime

from deploydb.domain.evidence import Verification
from deploydb.domain.gates.asked import Asked
from deploydb.domain.gates.words import in_words, listed
from deploydb.domain.promotions import CheckedPromotion, VerificationPromotion, WebhookPromotion
from deploydb.domain.state import Outcome, Verdict


def verification(promotion: VerificationPromotion, asked: Asked) -> Verdict:
    """Each job's latest report decides. None, or one that is no answer, is a no once the timeout has passed."""
    ident = promotion.ident
    jobs = promotion.jobs or (ident,)
    latest = _latest(asked.evidence.verifications, jobs)
    inputs = tuple(report.event for report in latest.values() if report.event is not None)
    failed = [f"{job} failed{_said(report)}" for job, report in latest.items() if report.outcome == "failed"]
    if failed:
        return Verdict(promotion=ident, outcome=Outcome.FAIL, reason="; ".join(failed), inputs=inputs)
    unclear = {job: report for job, report in latest.items() if report.outcome == "errored"}
    missing = [job for job in jobs if job not in latest]
    if not unclear and not missing:
        passed = ", ".join(f"{job} passed{_said(report)}" for job, report in latest.items())
        return Verdict(promotion=ident, outcome=Outcome.PASS, reason=passed, inputs=inputs)
    one = len(jobs) == 1
    waits = [f"{job} could not tell{_said(report)}; it may report again" for job, report in unclear.items()]
    waits += [f"waits for {listed(missing)} to report"] if missing else []
    outcome = Outcome.ERROR if unclear else Outcome.PENDING
    if promotion.timeout is None or asked.since is None:
        return Verdict(promotion=ident, outcome=outcome, reason="; ".join(waits), inputs=inputs)
    due = asked.since + promotion.timeout
    if asked.now < due:
        return Verdict(promotion=ident, outcome=outcome, reason="; ".join(waits), recheck_at=due, inputs=inputs)
    last = "".join(f"; at last {'it' if one else job} could not tell{_said(report)}" for job, report in unclear.items())
    reason = f"{listed([*unclear, *missing])} did not answer within {in_words(promotion.timeout)}{last}"
    return Verdict(promotion=ident, outcome=Outcome.FAIL, reason=reason, inputs=inputs)


def checked(promotion: CheckedPromotion, asked: Asked) -> Verdict:
    """The latest answer decides. One that is no answer yet says how far it is; it is asked again."""
    ident = promotion.ident
    report = _latest(asked.evidence.verifications, (ident,)).get(ident)
    if report is None:
        whom = promotion.url if isinstance(promotion, WebhookPromotion) else promotion.prometheus
        return Verdict(promotion=ident, outcome=Outcome.PENDING, reason=f"waits for {ident}: {whom} is being asked")
    inputs = (report.event,) if report.event is not None else ()
    match report.outcome:
        case "passed":
            return Verdict(
                promotion=ident, outcome=Outcome.PASS, reason=f"{ident} passed{_said(report)}", inputs=inputs
            )
        case "failed":
            return Verdict(
                promotion=ident, outcome=Outcome.FAIL, reason=f"{ident} failed{_said(report)}", inputs=inputs
            )
        case "errored":
            reason = f"{ident} has no answer yet{_said(report)}; it is asked again"
            return Verdict(promotion=ident, outcome=Outcome.ERROR, reason=reason, inputs=inputs)


def verified_at(promotion: VerificationPromotion | CheckedPromotion, asked: Asked) -> datetime | None:
    """When the last of the jobs reported that it passed."""
    jobs = (promotion.jobs if isinstance(promotion, VerificationPromotion) else ()) or (promotion.ident,)
    times = [report.at.time for report in _latest(asked.evidence.verifications, jobs).values()]
    return max(times, default=None)


def _latest(reports: Sequence[Verification], jobs: Sequence[str]) -> dict[str, Verification]:
    """The last report of each job that has reported, in the order of the jobs."""
    found: dict[str, Verification] = {}
    for report in sorted(reports, key=lambda one: one.at):
        found[report.promotion] = report
    return {job: found[job] for job in jobs if job in found}


def _said(report: Verification) -> str:
    return f": {report.reason}" if report.reason else ""
