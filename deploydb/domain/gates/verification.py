"""`VerificationPromotion`: jobs report whether they passed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from msgspec import Meta

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import Checks, Names, Promotion
from deploydb.domain.gates.reported import ReportedPromotion, reports_of
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import AwaitingJobs, JobsFailed, JobsPassed, JobsTimedOut


class VerificationPromotion(ReportedPromotion, frozen=True, kw_only=True):
    """Passes when each of the jobs has reported `passed`. A later report, by its time, replaces an earlier one."""

    types: ClassVar[Names] = ("VerificationPromotion", "BasicPromotion", "JenkinsPromotion")

    jobs: Annotated[
        Names, Meta(description="The jobs, each of which must pass. By default one, of the promotion's own name.")
    ] = ()
    timeout: Annotated[
        timedelta | None,
        Meta(description="How long after the deployment the reports may come; then it counts as failed."),
    ] = None

    @property
    def reported_as(self) -> Names:
        return self.jobs or (self.ident,)

    def check(self, checks: Checks) -> None:
        checks.once(("jobs",), self.jobs)

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        """Each job's latest report decides. None, or one that is no answer, is a no once the timeout has passed."""
        ident, jobs = self.ident, self.reported_as
        latest = self.latest(context)
        inputs = tuple(report.event for report in latest.values() if report.event is not None)
        failed, errored = reports_of(latest, "failed"), reports_of(latest, "errored")
        if failed:
            return context.verdict(ident, GateStatus.FAIL, JobsFailed(reports=failed), inputs=inputs)
        missing = tuple(job for job in jobs if job not in latest)
        if not errored and not missing:
            passed = JobsPassed(reports=reports_of(latest, "passed"))
            return context.verdict(ident, GateStatus.PASS, passed, inputs=inputs)
        outcome = GateStatus.ERROR if errored else GateStatus.PENDING
        awaiting = AwaitingJobs(missing=missing, errored=errored)
        if self.timeout is None or context.since is None:
            return context.verdict(ident, outcome, awaiting, inputs=inputs)
        due = context.since + self.timeout
        if context.now < due:
            return context.verdict(ident, outcome, awaiting, recheck_at=due, inputs=inputs)
        late = JobsTimedOut(timeout=self.timeout, missing=missing, errored=errored)
        return context.verdict(ident, GateStatus.FAIL, late, inputs=inputs)
