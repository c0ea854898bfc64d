"""`VerificationPromotion`: jobs report whether they passed."""

from datetime import timedelta
from typing import Annotated, ClassVar

from msgspec import Meta

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import Checks, Names
from deploydb.domain.gates.reported import ReportedPromotion
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import AwaitingJobs, JobsTimedOut
from deploydb.domain.model.reason_parts import JobReport


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

    def unanswered(self, context: GateContext, missing: Names, errored: tuple[JobReport, ...]) -> Verdict:
        """FAIL once the timeout has passed."""
        outcome = GateStatus.ERROR if errored else GateStatus.PENDING
        awaiting = AwaitingJobs(missing=missing, errored=errored)
        if self.timeout is None or context.since is None:
            return context.verdict(self.ident, outcome, awaiting)
        due = context.since + self.timeout
        if context.now < due:
            return context.verdict(self.ident, outcome, awaiting, recheck_at=due)
        late = JobsTimedOut(timeout=self.timeout, missing=missing, errored=errored)
        return context.verdict(self.ident, GateStatus.FAIL, late)
