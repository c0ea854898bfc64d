"""The way of a flow to a stage: whether it has arrived, what it waits for upstream, and whether it can come at all."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model import reasons
from deploydb.domain.model.admission_reasons import SkippedByHotfix
from deploydb.domain.model.catalog import Stage
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.reasons import AwaitingStages, Reason, StageReason

_T = TypeVar("_T")

NOT_COME = (
    reasons.AwaitingStages,
    reasons.SkippedUpstream,
    reasons.FailedUpstream,
    reasons.ReplacedUpstream,
    SkippedByHotfix,
)
"""The reasons of a deployment to whose stage its flow has not come: `waits_for`, `dead_end`, and what it passes by."""


class FlowProgress:
    """A service's stages as its flows come through them.

    A flow passes by the stages that a hotfix skips; those that a promotion request skips on the way to its lane alone.
    """

    def __init__(self, evaluation: Evaluation, stages: Mapping[str, Stage]) -> None:
        self._evaluation = evaluation
        self._stages = stages

    def skipped_by_hotfix(self, deployment: Deployment) -> Reason | None:
        """Why the flow passes the stage by; None where it does not."""
        return _skipped_by_hotfix(self._evaluation, deployment)

    def dead_end(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """Why the deployment's flow can never come to its stage; None where it may."""
        return self._way(deployment).dead_end(stage.environment, _skip(self._evaluation, deployment))

    def waits_for(self, stage: Stage, deployment: Deployment) -> AwaitingStages | None:
        """None where the deployment's flow has arrived at its stage; else what it waits for upstream."""
        return self._way(deployment).waits_for(stage.environment, _skip(self._evaluation, deployment))

    def passed(self, stage: Stage, deployment: Deployment) -> list[Deployment]:
        """The deployments upstream that the flow is through with, those before a stage that it passed by among them."""
        return list(self._way(deployment).passed(stage.environment, _skip(self._evaluation, deployment)))

    def arrived_at(self, stage: Stage, deployment: Deployment) -> datetime:
        """When the flow came to the stage: from then on its entry gates count."""
        counted = (one.gates_count_from for one in self.passed(stage, deployment))
        return max((at for at in counted if at is not None), default=deployment.release.published_at)

    def _way(self, deployment: Deployment) -> "_Way":
        return _Way(self._evaluation, self._stages, deployment.flow)


class _Way:
    """The way of one flow as it is now. Each stage is looked at once, however many ways lead to it."""

    def __init__(self, evaluation: Evaluation, stages: Mapping[str, Stage], flow: int | None) -> None:
        self._evaluation = evaluation
        self._stages = stages
        self._flow = flow
        self._found: dict[tuple[str, str, frozenset[str]], Any] = {}

    def dead_end(self, environment: str, skip: frozenset[str]) -> Reason | None:
        return self._once(self._dead_end, environment, skip)

    def waits_for(self, environment: str, skip: frozenset[str]) -> AwaitingStages | None:
        return self._once(self._waits_for, environment, skip)

    def passed(self, environment: str, skip: frozenset[str]) -> tuple[Deployment, ...]:
        return self._once(self._passed, environment, skip)

    def _once(self, look: Callable[[str, frozenset[str]], _T], environment: str, skip: frozenset[str]) -> _T:
        key = (look.__name__, environment, skip)
        if key not in self._found:
            self._found[key] = look(environment, skip)
        found: _T = self._found[key]
        return found

    def _dead_end(self, environment: str, skip: frozenset[str]) -> Reason | None:
        after = self._stages[environment].after
        ends = [end for upstream in after.environments if (end := self._end(upstream, skip)) is not None]
        needed = 1 if after.need == "all" else len(after.environments)
        return ends[0] if ends and len(ends) >= needed else None

    def _waits_for(self, environment: str, skip: frozenset[str]) -> AwaitingStages | None:
        after = self._stages[environment].after
        upstream = {name: self._evaluation.of(self._flow, name) for name in after.environments}
        # what a simulation has left out, since its outcome is unknown, is not there
        awaited = [name for name, found in upstream.items() if not self._is_out_of(name, found, skip)]
        if not awaited or (after.need == "any" and len(awaited) < len(upstream)):
            return None
        unmet = [found for name in awaited if (found := upstream[name]) is not None]
        return AwaitingStages(
            environments=tuple(awaited),
            all=after.need == "all",
            failed=tuple(failed for deployment in unmet if (failed := self._failure(deployment)) is not None),
        )

    def _failure(self, deployment: Deployment) -> StageReason | None:
        """Where the flow failed, at a stage or on its way there; None where it may still come out of it."""
        if deployment.status is Status.FAILED:
            return stage_reason(deployment)
        if deployment.status is not Status.NOT_STARTED or deployment.environment not in self._stages:
            return None
        awaited = self.waits_for(deployment.environment, _skip(self._evaluation, deployment))
        return awaited.failed[0] if awaited is not None and awaited.never else None

    def _passed(self, environment: str, skip: frozenset[str]) -> tuple[Deployment, ...]:
        found: dict[int, Deployment] = {}
        for upstream in self._stages[environment].after.environments:
            deployment = self._evaluation.of(self._flow, upstream)
            if deployment is None:
                found |= {one.id: one for one in self.passed(upstream, skip)} if upstream in skip else {}
            elif deployment.got_through:
                found[deployment.id] = deployment
            elif self._is_through(deployment, skip):
                found |= {one.id: one for one in self.passed(upstream, skip)}
        return tuple(found.values())

    def _is_out_of(self, environment: str, deployment: Deployment | None, skip: frozenset[str]) -> bool:
        """Whether the flow may go on from a stage; where it does not go through it, if it passes it by."""
        if deployment is not None:
            return self._is_through(deployment, skip)
        return environment in skip and self.waits_for(environment, skip) is None

    def _is_through(self, deployment: Deployment, skip: frozenset[str]) -> bool:
        """Whether the flow may go on from a stage: it got through, or it passes it by, however far it is there."""
        return deployment.got_through or (
            self._passes_by(deployment, skip) and self.waits_for(deployment.environment, skip) is None
        )

    def _passes_by(self, deployment: Deployment, skip: frozenset[str]) -> bool:
        return deployment.environment in skip or _skipped_by_hotfix(self._evaluation, deployment) is not None

    def _end(self, environment: str, skip: frozenset[str]) -> Reason | None:
        """Why the flow can never come out of a stage, by where it ended; None where it may."""
        deployment = self._evaluation.of(self._flow, environment)
        if deployment is None:
            return None
        if deployment.got_through or deployment.failure_response == "retry":
            return None
        if self._evaluation.is_scheduled(self._flow, environment):
            return None
        if self._passes_by(deployment, skip):
            return self.dead_end(environment, skip)
        reason = deployment.status_reason or reasons.NotRecorded()
        if deployment.status is Status.SKIPPED:
            end = self.dead_end(environment, skip)
            return end or reasons.SkippedUpstream(environment=environment, reason=reason)
        if deployment.expired_at is not None or (
            deployment.replaced_at is not None and deployment.status is Status.FAILED
        ):
            return reasons.FailedUpstream(environment=environment, reason=reason)
        replaced = deployment.replaced_at is not None
        return reasons.ReplacedUpstream(environment=environment, reason=reason) if replaced else None


def _skipped_by_hotfix(evaluation: Evaluation, deployment: Deployment) -> Reason | None:
    hotfix = evaluation.hotfix(deployment)
    skips = hotfix is not None and deployment.environment in hotfix.skip
    return SkippedByHotfix(hotfix=hotfix.comment) if hotfix is not None and skips else None


def _skip(evaluation: Evaluation, deployment: Deployment) -> frozenset[str]:
    """The stages that a person lets the flow pass by on its way to the deployment's lane, or let an earlier attempt."""
    request = evaluation.promotion_request(deployment)
    entered = (earlier.trigger_reason for earlier, _ in evaluation.earlier_attempts(deployment))
    skipped = (reason.skip for reason in entered if isinstance(reason, reasons.Admitted))
    return frozenset(request.skip if request is not None else ()).union(*skipped)


def stage_reason(deployment: Deployment) -> StageReason:
    """The deployment's reason, as part of another one's."""
    return StageReason(environment=deployment.environment, reason=deployment.status_reason or reasons.NotRecorded())
