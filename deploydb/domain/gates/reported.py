"""The base of those promotions that jobs or checks answer, by reports that are kept as evidence."""

from collections.abc import Mapping
from datetime import datetime

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.formatting import listed
from deploydb.domain.gates.promotion import Names, Promotion, Requirement
from deploydb.domain.model.deployment import Verdict
from deploydb.domain.model.evidence import Verification
from deploydb.domain.model.reason_parts import JobReport


class ReportedPromotion(Promotion, frozen=True, kw_only=True):
    """Answered by the latest report under each name of `reported_as`, by default its own."""

    @property
    def reported_as(self) -> Names:
        return (self.ident,)

    def latest(self, context: GateContext) -> dict[str, Verification]:
        """The last report of each job that has reported, in the order of the jobs."""
        found = {report.promotion: report for report in sorted(context.evidence.verifications, key=lambda one: one.at)}
        return {job: found[job] for job in self.reported_as if job in found}

    def verified_at(self, context: GateContext) -> datetime | None:
        """When the last of the jobs reported that it passed."""
        return max((report.at.time for report in self.latest(context).values()), default=None)

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        latest = self.latest(context)
        jobs = [job for job in self.reported_as if job not in latest or latest[job].outcome != "passed"]
        return Requirement(kind="report", text=f"{listed(jobs)} to pass", reports=tuple(jobs)) if jobs else None

    def answer(self, context: GateContext) -> tuple[bool, bool] | None:
        outcomes = [report.outcome for report in self.latest(context).values()]
        return outcomes.count("passed") == len(self.reported_as), "failed" in outcomes


def reports_of(latest: Mapping[str, Verification], outcome: str) -> tuple[JobReport, ...]:
    """Those reports with an outcome, for a reason."""
    return tuple(JobReport(job=job, text=one.reason) for job, one in latest.items() if one.outcome == outcome)
