"""The attempts that people ask for, of what failed, was skipped or superseded, or runs; and of chosen versions.

An attempt is a deployment of its own in the release's flow, which meets the gates of its stage like any other. It goes
ahead of the releases that wait there, and is no downgrade. A failed rollback is attempted again as a rollback.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from deploydb.domain.evaluation.branches import BranchRules
from deploydb.domain.evaluation.bundles import Bundles
from deploydb.domain.evaluation.candidates import Candidates
from deploydb.domain.evaluation.decisions import AttemptScheduled
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.evaluation.lanes import is_obsolete
from deploydb.domain.evaluation.parallel_groups import ParallelGroups
from deploydb.domain.model.admission_reasons import BeingDeployed, ModuleRemoved
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.overrides import RetryRequest
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import AlreadyWaiting, NotRecorded, Reason, RetryRefused, UpstreamRetried
from deploydb.domain.model.retry_reasons import NoAttempt, RetryForPin, RetryForPromotion, RetryOrdered, UnknownGates


def apply_retry_requests(evaluation: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
    """Resolve requests of further attempts, then attempt again what people want in a lane and was skipped."""
    retries = Retries(evaluation, catalog, service, holds)
    for request in sorted(evaluation.retries, key=lambda request: request.at):
        retries.grant(request)
    for stage in catalog.stages(service):
        retries.reopen(stage)


class Retries:
    """A service's further attempts."""

    def __init__(self, evaluation: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
        self._evaluation = evaluation
        self._catalog = catalog
        self._service = service
        self._holds = holds
        self._stages = {stage.environment: stage for stage in catalog.stages(service)}
        progress = FlowProgress(evaluation, self._stages)
        groups = ParallelGroups(evaluation, catalog, service, holds)
        branches = BranchRules(evaluation, catalog.branches(service.ident), holds)
        self._bundles = Bundles(evaluation, service, progress, branches)
        self._candidates = Candidates(evaluation, catalog, service, holds, groups, progress)

    def grant(self, request: RetryRequest) -> None:
        """Schedule the attempt that a person requested, or resolve the request with the obstacle."""
        stage = self._stages.get(request.environment)
        found = [one for one in self._of_version(request.environment, request.version) if _is_of(one, request.module)]
        modules = sorted({one.release.artifact.module for one in found})
        if stage is None or not found:
            self._refuse(request, NoAttempt())
            return
        if len(modules) > 1:
            self._refuse(request, NoAttempt(modules=tuple(modules)))
            return
        last = _last(found)
        if self._evaluation.is_scheduled(last.flow, last.environment):
            return  # the attempt that the failure policy has just made is there at the next look
        gates = self._gates(stage)
        unknown = tuple(name for name in request.skip if name not in gates)
        order = Comment(by=request.by, comment=request.reason)
        ordered = RetryOrdered(attempt=last.attempt + 1, order=order, skip=request.skip)
        wanted = replace(last, ordered=ordered)
        obstacle = UnknownGates(names=unknown, known=gates) if unknown else self._obstacle(stage, wanted)
        if obstacle is not None:
            self._refuse(request, obstacle)
            return
        self._evaluation.answer_retry(request, ordered)
        self._attempt(stage, last, ordered, ordered=ordered, request=request.event)

    def reopen(self, stage: Stage) -> None:
        """Attempt again the version that the lane is pinned to, and those that people promote there, where they were
        skipped and are newer than what runs. A promotion does so for what was skipped before it."""
        pins = self._holds.pins(stage.environment)
        for pin in pins if len({pin.version for pin in pins}) == 1 else ():
            for last in self._skipped(stage, pin.version or ""):
                self._attempt(stage, last, RetryForPin(attempt=last.attempt + 1, pin=pin.held))
        for request in self._evaluation.promotion_requests:
            if request.environment != stage.environment:
                continue
            for last in self._skipped(stage, request.version):
                if last.skipped_at is not None and last.skipped_at < request.recorded_at:
                    why = RetryForPromotion(attempt=last.attempt + 1, promotion=request.comment)
                    self._attempt(stage, last, why)

    def _skipped(self, stage: Stage, version: str) -> Iterator[Deployment]:
        """The last attempt of the version for each module where it was skipped, and another one can be made."""
        found = self._of_version(stage.environment, version)
        for module in sorted({one.release.artifact.module for one in found}):
            last = _last([one for one in found if _is_of(one, module)])
            skipped = last.status is Status.SKIPPED and last.kind == "deploy" and not is_obsolete(last)
            made = self._evaluation.is_scheduled(last.flow, last.environment)
            if skipped and not made and self._obstacle(stage, replace(last, ordered=None)) is None:
                yield last

    def _of_version(self, environment: str, version: str) -> list[Deployment]:
        lane = self._evaluation.lane(environment)
        return [one for one in lane if one.release.artifact.version == version and one.kind != "external"]

    def _gates(self, stage: Stage) -> tuple[str, ...]:
        entry = self._catalog.entry_promotions(stage.environment)
        exits = self._catalog.exit_promotions(self._service, stage)
        return tuple(dict.fromkeys(promotion.ident for promotion in (*entry, *exits)))

    def _obstacle(self, stage: Stage, last: Deployment) -> Reason | None:
        """Why there can be no attempt after the last one."""
        module, version = last.release.artifact.module, last.release.artifact.version
        if module not in self._service.artifacts:
            return ModuleRemoved(module=module, service=self._service.ident)
        if last.status is Status.NOT_STARTED:
            return AlreadyWaiting(deployment=last.id, reason=last.status_reason or NotRecorded())
        if last.active:
            return BeingDeployed(version=version, deployment=last.id)
        if last.kind == "rollback":
            return None
        return self._bundles.closed(stage, last) or self._candidates.newer_that_runs(last)

    def _refuse(self, request: RetryRequest, obstacle: Reason) -> None:
        refused = RetryRefused(version=request.version, environment=request.environment, obstacle=obstacle)
        self._evaluation.answer_retry(request, refused)

    def _attempt(
        self,
        stage: Stage,
        last: Deployment,
        reason: Reason,
        *,
        ordered: RetryOrdered | None = None,
        request: int | None = None,
    ) -> None:
        asked = [promotion.ident for promotion in self._catalog.exit_promotions(self._service, stage)]
        self._evaluation.attempt(AttemptScheduled.after(last, reason, asked, ordered=ordered, request=request))
        if last.flow is not None:
            self._open_downstream(stage, last.flow, UpstreamRetried(environment=last.environment, reason=reason))

    def _open_downstream(self, stage: Stage, flow: int, reason: Reason) -> None:
        """The stages behind it, which were skipped, may be reached; what else ruled them out does so again."""
        reached = {stage.environment}
        for other in self._stages.values():
            if not reached.intersection(other.after.environments):
                continue
            reached.add(other.environment)
            skipped = self._evaluation.of(flow, other.environment)
            if skipped is not None and skipped.status is Status.SKIPPED:
                again = {"skipped_at": None, "status_reason": reason, "needs_evaluation": True}
                self._evaluation.settle("resumed", skipped, reason, **again)


def _is_of(deployment: Deployment, module: str | None) -> bool:
    return module in (None, deployment.release.artifact.module)


def _last(found: Sequence[Deployment]) -> Deployment:
    """The attempt after which another one is made: a rollback that failed, else the last one of the flow."""
    last = max(found, key=lambda one: one.id)
    flow = [one for one in found if one.flow is not None]
    if last.kind == "rollback" and flow and last.status is not Status.FAILED and not last.active:
        return max(flow, key=lambda one: one.attempt)
    return last
