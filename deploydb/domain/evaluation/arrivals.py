"""The flows that have arrived at a stage. Those that never come are skipped; the others wait, and are explained."""

from collections.abc import Sequence

from deploydb.domain.evaluation.branches import BranchRules
from deploydb.domain.evaluation.bundles import Bundles
from deploydb.domain.evaluation.candidates import Candidates
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.model.catalog import Stage
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.reasons import AwaitingStages, Reason, several


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
        """Those that have arrived, by module. Of those that the stage's pipeline does not take, or that go through no
        stage before it, the ones that something newer has overtaken are skipped."""
        arrived: dict[str, list[Deployment]] = {}
        left = [deployment for deployment in waiting if not self._close(stage, deployment)]
        for deployment in left:  # what their bundles wait for is none of those that were skipped
            awaited = self._progress.waits_for(stage, deployment)
            elsewhere = self._branches.elsewhere(deployment)
            cut_off = awaited is not None and self._branches.is_cut_off(deployment, awaited)
            if cut_off or (elsewhere is not None and awaited is None):
                overtaken = self._candidates.overtaken(deployment)
                if overtaken is not None:
                    self._evaluation.skip(deployment, overtaken)
                    continue
            waits = elsewhere or self._awaits(stage, deployment, awaited)
            if waits is not None:
                self._evaluation.explain(deployment, waits)
            else:
                arrived.setdefault(deployment.release.artifact.module, []).append(deployment)
        return arrived

    def _close(self, stage: Stage, deployment: Deployment) -> bool:
        """Skip a deployment that never can come. Whether it was skipped."""
        closed = self._bundles.closed(stage, deployment)
        if closed is not None:
            self._evaluation.skip(deployment, closed)
        return closed is not None

    def _awaits(self, stage: Stage, deployment: Deployment, awaited: AwaitingStages | None) -> Reason | None:
        """What the deployment waits for upstream, or what its bundle does."""
        if awaited is None:
            return self._bundles.awaits(stage, deployment)
        missing = self._branches.missing(deployment, awaited)
        return several([awaited, missing]) if missing is not None else awaited
