"""The base of those promotions that jobs or checks answer, by reports that are kept as evidence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from deploydb.domain.formatting import listed
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import ON_ERROR, Names, OnError, Promotion, Requirement
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.evidence import Verification
from deploydb.domain.model.gate_reasons import JobsFailed, JobsPassed
from deploydb.domain.model.reason_parts import JobReport


class ReportedPromotion(Promotion, frozen=True, kw_only=True):
    """Answered by the latest report under each name of `reported_as`, by default its own."""

    starves: ClassVar[bool] = True

    on_error: Annotated[OnError, Meta(description=ON_ERROR)] = "block"

    @property
    def when_error(self) -> OnError:
        return self.on_error

    @property
    def reported_as(self) -> Names:
        return (self.ident,)

    def latest(self, context: GateContext) -> dict[str, Verification]:
        """The last report of each job that has reported, in the order of the jobs."""
        found = {report.promotion: report for report in sorted(context.evidence.verifications, key=lambda one: one.at)}
        return {job: found[job] for job in self.reported_as if job in found}

    def verified_at(self, context: GateContext) -> datetime | None:
        """When it was known that the last of the jobs had passed."""
        return max((report.known_at for report in self.latest(context).values()), default=None)

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        """The latest reports decide: FAIL with one that has failed, PASS when all have passed."""
        latest = self.latest(context)
        inputs = tuple(report.event for report in latest.values() if report.event is not None)
        failed, errored = reports_of(latest, "failed"), reports_of(latest, "errored")
        if failed:
            return context.verdict(self.ident, GateStatus.FAIL, JobsFailed(reports=failed), inputs=inputs)
        missing = tuple(job for job in self.reported_as if job not in latest or latest[job].outcome == "pending")
        if not errored and not missing:
            passed = JobsPassed(reports=reports_of(latest, "passed"))
            return context.verdict(self.ident, GateStatus.PASS, passed, inputs=inputs)
        return replace(self.unanswered(context, missing, errored), inputs=inputs)

    def unanswered(self, context: GateContext, missing: Names, errored: tuple[JobReport, ...]) -> Verdict:
        """The verdict while reports are missing, pending or no answer, and none has failed."""
        raise NotImplementedError

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
