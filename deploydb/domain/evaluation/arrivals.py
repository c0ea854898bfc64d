"""The flows that have arrived at a stage. Those that never come are skipped; the others wait, and are explained."""

from collections.abc import Sequence

from deploydb.domain.evaluation.branches import BranchRules
from deploydb.domain.evaluation.bundles import Bundles
from deploydb.domain.evaluation.candidates import Candidates
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.model.catalog import Stage
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.reasons import Reason, several


class Arrivals:
    """A service's flows on their way to its stages."""

    def __init__(
        self,
        evaluation: Evaluation,
        progress: FlowProgress,
        bundles: Bundles,
        branches: BranchRules,
        candidates: Candidates,
    ) -> None:
        self._evaluation = evaluation
        self._progress = progress
        self._bundles = bundles
        self._branches = branches
        self._candidates = candidates

    def at(self, stage: Stage, waiting: Sequence[Deployment]) -> dict[str, list[Deployment]]:
        """Those that have arrived, by module. Those that something newer has overtaken are skipped once nothing before
        the stage is waited for, also where a bundle or the pipeline's branches would keep them waiting."""
        arrived: dict[str, list[Deployment]] = {}
        left = [deployment for deployment in waiting if not self._close(stage, deployment)]
        for deployment in left:  # what their bundles wait for is none of those that were skipped
            waits = self._branches.elsewhere(deployment) or self._awaits(stage, deployment)
            if waits is not None:
                self._evaluation.explain(deployment, waits)
            else:
                arrived.setdefault(deployment.release.artifact.module, []).append(deployment)
        return arrived

    def _close(self, stage: Stage, deployment: Deployment) -> bool:
        """Skip a deployment that never can come, or comes too late. Whether it was skipped."""
        closed = self._bundles.closed(stage, deployment) or self._overtaken(stage, deployment)
        if closed is not None:
            self._evaluation.skip(deployment, closed)
        return closed is not None

    def _overtaken(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """The newer release that the lane runs, where the deployment waits for no stage that it comes out of."""
        newer = self._candidates.overtaken(deployment)
        if newer is None:
            return None
        awaited = self._progress.waits_for(stage, deployment)
        return newer if awaited is None or self._branches.is_cut_off(deployment, awaited) else None

    def _awaits(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """What the deployment waits for upstream, or what its bundle does."""
        awaited = self._progress.waits_for(stage, deployment)
        if awaited is None:
            return self._bundles.awaits(stage, deployment)
        missing = self._branches.missing(deployment, awaited)
        return several([awaited, missing]) if missing is not None else awaited
