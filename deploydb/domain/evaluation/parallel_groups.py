"""The lanes of a parallel group beside each other: which are busy, and what became of a release in them.

A release that failed in one lane of a group, or was taken back there, enters no other by automation until it
succeeds there after all, or a person promotes it. All responses to its failure are alike in this.
"""

from collections.abc import Iterator

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import stage_reason
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.model.admission_reasons import GroupFull
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.reasons import Admitted, FailedBeside, Reason, TakenBackBeside

ROLLBACKS = ("rollback", "full_rollback")
"""The strategies that put another release in the place of the failed one."""


class ParallelGroups:
    """The parallel groups of a service's environments."""

    def __init__(self, evaluation: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
        self._evaluation = evaluation
        self._catalog = catalog
        self._service = service
        self._holds = holds
        self._stages = {stage.environment: stage for stage in catalog.stages(service)}

    def held(self, deployment: Deployment) -> Reason | None:
        """Why automation keeps the release out of its lane, by what became of it in another one of the group."""
        version = deployment.release.artifact.version
        for environment in self._beside(deployment.environment):
            failed = self._failure(deployment, environment)
            if failed is not None:
                return FailedBeside(version=version, environment=environment, reason=stage_reason(failed).reason)
            if self._is_taken_back(deployment, environment):
                return TakenBackBeside(version=version, environment=environment)
        return None

    def full(self, deployment: Deployment) -> Reason | None:
        """The lanes that must be done first: not all of a group are worked on at a time."""
        for group in self._catalog.parallel(self._service, deployment.environment):
            beside = [name for name in group.environments if name != deployment.environment]
            busy = [name for name in beside if any(map(self._is_busy, self._evaluation.lane(name)))]
            if len(busy) >= group.most:
                return GroupFull(busy=tuple(busy), most=group.most, environments=group.environments)
        return None

    def failed_together(self, deployment: Deployment) -> Deployment | None:
        """The final failure of the release in a bound lane, whose response is a rollback: it counts in this lane, too.
        The response counts as configured there, also where there was nothing to roll back to; not against what a person
        has ordered after such a failure, unless a person had it attempted there again since."""
        reason = deployment.trigger_reason
        ordered = isinstance(reason, Admitted) and reason.beside is not None
        for environment in self.bound(deployment.environment):
            failed = self._failure(deployment, environment)
            deployed = failed is not None and failed.kind == "deploy"  # no rollback follows that of a rollback
            final = deployed and failed is not None and failed.failure_response not in (None, "retry")
            if failed is not None and ordered and not _is_ordered_after(failed, deployment):
                continue
            if final and self._catalog.failure_strategy(self._service, environment) in ROLLBACKS:
                return failed
        return None

    def bound(self, environment: str) -> list[str]:
        """The lanes beside one that go together with it, by the word of either stage."""
        here = self._stages[environment].together
        beside = (name for name in self._beside(environment) if name in self._stages)
        return [name for name in beside if here or self._stages[name].together]

    def _beside(self, environment: str) -> Iterator[str]:
        """The other environments of its groups, each once."""
        groups = self._catalog.parallel(self._service, environment)
        names = dict.fromkeys(name for group in groups for name in group.environments)
        return (name for name in names if name != environment)

    def _failure(self, deployment: Deployment, environment: str) -> Deployment | None:
        """The last failure of the release in a lane, unless it succeeded there after all or failures are ignored."""
        found: Deployment | None = None
        for other in self._evaluation.of_release(deployment.release.id, environment):
            if other.status is Status.FAILED and other.failure_response != "ignore":
                found = other
            elif other.status is Status.SUCCESS:
                found = None
        return found

    def _is_busy(self, deployment: Deployment) -> bool:
        """Whether it is being deployed or verified. A vetoed version makes way for others once it is deployed."""
        verifying = deployment.needs_evaluation and deployment.status is Status.COMPLETED
        return deployment.active or (verifying and self._holds.veto_on(deployment) is None)

    def _is_taken_back(self, deployment: Deployment, environment: str) -> bool:
        """Whether the release ran in a lane and an older one is put, or about to be put, in its place."""
        there = self._evaluation.of(deployment.flow, environment)
        module = deployment.release.artifact.module
        ran = self._evaluation.running.get((environment, module))
        if there is None or there.live_at is None or ran is None:
            return False
        if ran.release.id == deployment.release.id:
            lane = (one for one in self._evaluation.lane(environment) if one.release.artifact.module == module)
            return module in self._evaluation.rolling_back(environment) or any(map(_is_open_rollback, lane))
        order = self._service.order
        return ran.release.order_key(order) < deployment.release.order_key(order)


def _is_ordered_after(failed: Deployment, deployment: Deployment) -> bool:
    """Whether a person had the failed one attempted again after the command of the other."""
    ours, theirs = deployment.requested_at, failed.requested_at
    return failed.ordered is not None and ours is not None and theirs is not None and theirs > ours


def _is_open_rollback(deployment: Deployment) -> bool:
    return deployment.kind == "rollback" and deployment.needs_evaluation and deployment.live_at is None
