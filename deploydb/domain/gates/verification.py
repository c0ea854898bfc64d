"""`VerificationPromotion`: jobs report whether they passed."""

from datetime import datetime, timedelta
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
        Meta(description="How long after the deployment the reports may come; without one it has failed then."),
    ] = None

    @property
    def reported_as(self) -> Names:
        return self.jobs or (self.ident,)

    def check(self, checks: Checks) -> None:
        checks.once(("jobs",), self.jobs)

    def unanswered(self, context: GateContext, missing: Names, errored: tuple[JobReport, ...]) -> Verdict:
        """FAIL once the timeout has passed without a report; a job that could not tell is an ERROR."""
        awaiting = AwaitingJobs(missing=missing, errored=errored)
        if errored:
            return context.verdict(self.ident, GateStatus.ERROR, awaiting)
        due = self.error_lasts_until(context, context.now)
        if self.timeout is None or due is None or context.now < due:
            return context.verdict(self.ident, GateStatus.PENDING, awaiting, recheck_at=due)
        return context.verdict(self.ident, GateStatus.FAIL, JobsTimedOut(timeout=self.timeout, missing=missing))

    def error_lasts_until(self, context: GateContext, since: datetime) -> datetime | None:
        return None if self.timeout is None or context.since is None else context.since + self.timeout
