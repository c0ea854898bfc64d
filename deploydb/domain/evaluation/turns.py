"""The turn of a release: while its gates are being answered, newer ones wait for it, at an entry and in its lane."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.evaluation.live_clock import clocks_count_from
from deploydb.domain.gates import Promotion, gives_up_at, keeps_turn
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.deployment import Deployment, GateStatus, Phase, Status, Verdict
from deploydb.domain.model.gate_reasons import ApprovalDeferred

_PATIENCE = timedelta(hours=1)
"""How long a gate without a limit that cannot tell keeps the turn: it may be asked again, or reported on."""

_Asked = Sequence[tuple[Promotion, Verdict]]


class Turns:
    """The turns of a service's releases, by the last verdicts of their gates.

    A release has none with a gate that has failed, is broken, or cannot tell and has no time left: a newer release may
    be the fix. A gate that only the calendar, or another property of the release, makes pass is no reason for one.
    """

    def __init__(self, evaluation: Evaluation, catalog: Catalog, service: Service, progress: FlowProgress) -> None:
        self._evaluation = evaluation
        self._catalog = catalog
        self._service = service
        self._progress = progress

    def at_entry(self, stage: Stage, deployment: Deployment) -> bool:
        """Whether jobs, people or the release's age are waited for at its entry, or have answered already."""
        promotions = self._catalog.entry_promotions(stage.environment)
        asked = self._asked(promotions, deployment, "entry")
        if not asked or self._is_stuck(asked, deployment, "entry", self._progress.arrived_at(stage, deployment)):
            return False
        return any(verdict.inputs or _waits(promotion, verdict) for promotion, verdict in asked)

    def is_verified(self, stage: Stage, deployment: Deployment) -> bool:
        """Whether the release is being verified in its lane: jobs, people or time are waited for. Where one of them has
        answered, the opening of a window is, too."""
        if not deployment.needs_evaluation or deployment.status is not Status.COMPLETED:
            return False
        asked = self._asked(self._catalog.exit_promotions(self._service, stage), deployment, "exit")
        if self._is_stuck(asked, deployment, "exit", clocks_count_from(self._evaluation, deployment)):
            return False
        answered = any(
            verdict.inputs or (promotion.starves and verdict.outcome is GateStatus.PASS) for promotion, verdict in asked
        )
        return any(_waits(one, verdict) or (answered and _will_open(one, verdict)) for one, verdict in asked)

    def _asked(self, promotions: Sequence[Promotion], deployment: Deployment, phase: Phase) -> _Asked:
        before = self._evaluation.before(deployment, phase)
        return [(one, before[one.ident]) for one in promotions if one.ident in before]

    def _is_stuck(self, asked: _Asked, deployment: Deployment, phase: Phase, since: datetime | None) -> bool:
        """Whether a gate has failed, or cannot tell and has no time left: an hour, where it has no limit."""
        if any(verdict.outcome is GateStatus.FAIL for _, verdict in asked):
            return True
        if all(verdict.outcome is not GateStatus.ERROR for _, verdict in asked):
            return False
        now = self._evaluation.now
        context = self._evaluation.gate_context(deployment, phase, now, since)
        ends = [at for one, verdict in asked if (at := gives_up_at(one, verdict, context, _PATIENCE)) is not None]
        if min(ends) <= now:
            return True
        self._evaluation.look_again(min(ends))
        return False


def _waits(promotion: Promotion, verdict: Verdict) -> bool:
    """Whether the gate waits for its answer now: people may not have been asked yet."""
    asked = verdict.outcome is not GateStatus.PASS and not isinstance(verdict.reason, ApprovalDeferred)
    return asked and keeps_turn(promotion, verdict)


def _will_open(promotion: Promotion, verdict: Verdict) -> bool:
    return promotion.by_calendar and verdict.outcome is GateStatus.PENDING and verdict.recheck_at is not None
