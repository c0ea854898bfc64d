"""The way of a flow to a stage: whether it has arrived, what it waits for upstream, and whether it can come at all."""

from collections.abc import Mapping, Set
from datetime import datetime

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model import reasons
from deploydb.domain.model.admission_reasons import SkippedByHotfix
from deploydb.domain.model.catalog import Stage
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.reasons import AwaitingStages, Reason, StageReason


class FlowProgress:
    """A service's stages as its flows come through them.

    A flow passes by the stages that a hotfix skips; those that a promotion request skips on the way to its lane alone.
    """

    def __init__(self, evaluation: Evaluation, stages: Mapping[str, Stage]) -> None:
        self._evaluation = evaluation
        self._stages = stages

    def skipped_by_hotfix(self, deployment: Deployment) -> Reason | None:
        """Why the flow passes the stage by; None where it does not."""
        hotfix = self._evaluation.hotfix(deployment)
        skips = hotfix is not None and deployment.environment in hotfix.skip
        return SkippedByHotfix(hotfix=hotfix.comment) if hotfix is not None and skips else None

    def dead_end(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """Why the deployment's flow can never come to its stage; None where it may."""
        return self._dead_end(stage, deployment.flow, self._skip(deployment))

    def waits_for(self, stage: Stage, deployment: Deployment) -> AwaitingStages | None:
        """None where the deployment's flow has arrived at its stage; else what it waits for upstream."""
        return self._waits_for(stage, deployment.flow, self._skip(deployment))

    def passed(self, stage: Stage, deployment: Deployment) -> list[Deployment]:
        """The deployments upstream that the flow is through with, those before a stage that it passed by among them."""
        return self._passed(stage, deployment.flow, self._skip(deployment))

    def arrived_at(self, stage: Stage, deployment: Deployment) -> datetime:
        """When the flow came to the stage: from then on its entry gates count."""
        counted = (one.gates_count_from for one in self.passed(stage, deployment))
        return max((at for at in counted if at is not None), default=deployment.release.published_at)

    def _skip(self, deployment: Deployment) -> Set[str]:
        """The stages that a person lets the flow pass by on its way to the deployment's lane."""
        request = self._evaluation.promotion_request(deployment)
        return frozenset(request.skip) if request is not None else frozenset()

    def _dead_end(self, stage: Stage, flow: int | None, skip: Set[str]) -> Reason | None:
        upstream = stage.after.environments
        ends = [end for environment in upstream if (end := self._end(flow, environment, skip)) is not None]
        needed = 1 if stage.after.need == "all" else len(upstream)
        return ends[0] if ends and len(ends) >= needed else None

    def _waits_for(self, stage: Stage, flow: int | None, skip: Set[str]) -> AwaitingStages | None:
        upstream = {name: self._evaluation.of(flow, name) for name in stage.after.environments}
        # what a simulation has left out, since its outcome is unknown, is not there
        awaited = [name for name, found in upstream.items() if found is None or not self._is_through(found, skip)]
        if not awaited or (stage.after.need == "any" and len(awaited) < len(upstream)):
            return None
        unmet = [found for name in awaited if (found := upstream[name]) is not None]
        return AwaitingStages(
            environments=tuple(awaited),
            all=stage.after.need == "all",
            failed=tuple(failed for deployment in unmet if (failed := self._failure(deployment)) is not None),
        )

    def _failure(self, deployment: Deployment) -> StageReason | None:
        """Where the flow failed, at a stage or on its way there; None where it may still come out of it."""
        if deployment.status is Status.FAILED:
            return stage_reason(deployment)
        if deployment.status is not Status.NOT_STARTED or deployment.environment not in self._stages:
            return None
        awaited = self.waits_for(self._stages[deployment.environment], deployment)
        return awaited.failed[0] if awaited is not None and awaited.never else None

    def _passed(self, stage: Stage, flow: int | None, skip: Set[str]) -> list[Deployment]:
        found = []
        for deployment in self._upstream(stage, flow):
            if deployment.got_through:
                found.append(deployment)
            elif self._is_through(deployment, skip):
                found += self._passed(self._stages[deployment.environment], flow, skip)
        return found

    def _upstream(self, stage: Stage, flow: int | None) -> list[Deployment]:
        found = (self._evaluation.of(flow, environment) for environment in stage.after.environments)
        return [deployment for deployment in found if deployment is not None]

    def _is_through(self, deployment: Deployment, skip: Set[str]) -> bool:
        """Whether the flow may go on from a stage: it got through, or it passes it by, however far it is there."""
        return deployment.got_through or (
            self._passes_by(deployment, skip)
            and self._waits_for(self._stages[deployment.environment], deployment.flow, skip) is None
        )

    def _passes_by(self, deployment: Deployment, skip: Set[str]) -> bool:
        return deployment.environment in skip or self.skipped_by_hotfix(deployment) is not None

    def _end(self, flow: int | None, environment: str, skip: Set[str]) -> Reason | None:
        """Why the flow can never come out of a stage, by where it ended; None where it may."""
        deployment = self._evaluation.of(flow, environment)
        if deployment is None:
            return None
        if deployment.got_through or deployment.failure_response == "retry":
            return None
        if self._evaluation.is_scheduled(flow, environment):
            return None
        if self._passes_by(deployment, skip):
            return self._dead_end(self._stages[environment], flow, skip)
        reason = deployment.status_reason or reasons.NotRecorded()
        if deployment.status is Status.SKIPPED:
            end = self._dead_end(self._stages[environment], flow, skip)
            return end or reasons.SkippedUpstream(environment=environment, reason=reason)
        if deployment.expired_at is not None or (
            deployment.replaced_at is not None and deployment.status is Status.FAILED
        ):
            return reasons.FailedUpstream(environment=environment, reason=reason)
        replaced = deployment.replaced_at is not None
        return reasons.ReplacedUpstream(environment=environment, reason=reason) if replaced else None


def stage_reason(deployment: Deployment) -> StageReason:
    """The deployment's reason, as part of another one's."""
    return StageReason(environment=deployment.environment, reason=deployment.status_reason or reasons.NotRecorded())
