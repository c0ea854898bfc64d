"""`SoakPromotion`: the version has run for a while, verified and without an incident."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from msgspec import Meta

from deploydb.domain.formatting import in_words
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import Names, Promotion, Requirement
from deploydb.domain.gates.reported import ReportedPromotion
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.evidence import Incident, Verification
from deploydb.domain.model.gate_reasons import Soaked, SoakIncident, Soaking, SoakNotLive, SoakUnverified

_CERTAIN = timedelta(seconds=1)


class SoakPromotion(Promotion, frozen=True, kw_only=True):
    """Passes when the version has run for a time since it was deployed and verified. A failed verification, an
    incident or another version in between restarts it. Reports count from when they were recorded."""

    types: ClassVar[Names] = ("SoakPromotion",)
    turn: ClassVar[int] = 1
    starves: ClassVar[bool] = True
    not_at_entry: ClassVar[str | None] = (
        "is a soak: nothing has run here yet to soak; put it on the stage before this environment"
    )

    duration: Annotated[timedelta, Meta(description="How long, such as 2h or 1d.")]

    @property
    def lasts(self) -> timedelta | None:
        return self.duration

    def evaluate(self, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
        """The duration has passed since it came to run and was verified."""
        ident = self.ident
        if context.since is None:
            return context.verdict(ident, GateStatus.PENDING, SoakNotLive())
        reported = [(one, verdict) for one, verdict in others if isinstance(one, ReportedPromotion)]
        unverified = [one.ident for one, verdict in reported if verdict.outcome is not GateStatus.PASS]
        if unverified:
            return context.verdict(ident, GateStatus.PENDING, SoakUnverified(unmet=tuple(unverified)))
        troubled = [incident for incident in context.evidence.incidents if incident.open]
        if troubled:
            broken = SoakIncident(incidents=tuple(incident.report for incident in troubled))
            inputs = tuple(incident.event for incident in troubled if incident.event is not None)
            return context.verdict(ident, GateStatus.PENDING, broken, inputs=inputs)
        began, last = _began(context, context.since, [one for one, _ in reported])
        due = began + self.duration
        if context.now >= due:
            return context.verdict(ident, GateStatus.PASS, Soaked(promotion=ident, duration=self.duration))
        reason = Soaking(
            duration=self.duration,
            until=due,
            after_job=last.promotion if isinstance(last, Verification) else None,
            after_incident=last.report if isinstance(last, Incident) else None,
        )
        return context.verdict(ident, GateStatus.PENDING, reason, recheck_at=due)

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        if not isinstance(verdict.reason, Soaking):
            return None
        left = in_words(_whole(verdict.reason.until - context.now))
        return Requirement(kind="time", text=f"{left} of soak", at=verdict.recheck_at)


def _began(
    context: GateContext, since: datetime, reported: Sequence[ReportedPromotion]
) -> tuple[datetime, Verification | Incident | None]:
    """When the soak began, and the failed report or incident after which it began again."""
    verified = [at for one in reported if (at := one.verified_at(context)) is not None]
    began = max([since, *verified])
    failed = (report for report in context.evidence.verifications if report.outcome == "failed")
    breaks: list[Verification | Incident] = [*failed, *context.evidence.incidents]
    last = max(breaks, key=lambda one: (one.known_at, one.at), default=None)
    return (last.known_at, last) if last is not None and last.known_at > began else (began, None)


def _whole(left: timedelta) -> timedelta:
    """Whole seconds, rounded up, where there is at least one."""
    return timedelta(seconds=-(-left // _CERTAIN)) if left > _CERTAIN else left
