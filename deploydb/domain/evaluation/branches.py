"""Releases whose version the pipeline of a stage does not take: they come to it by a person's word alone.

Such a release has no deployment in the stages of the pipeline. Where it has one since the pipeline took it before, that
one waits; a promotion to one lane brings it there. What was commanded is verified, rolled back and retried as ever.
"""

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.model.admission_reasons import BranchElsewhere
from deploydb.domain.model.branches import Branches
from deploydb.domain.model.deployment import Deployment, Release, Status
from deploydb.domain.model.reasons import AwaitingStages


class BranchRules:
    """What the branches of a service's pipelines say of its releases. `branches`: None where all take all."""

    def __init__(self, evaluation: Evaluation, branches: Branches | None, holds: Holds) -> None:
        self._evaluation = evaluation
        self._branches = branches
        self._holds = holds

    def elsewhere(self, deployment: Deployment) -> BranchElsewhere | None:
        """Why a deployment that has not started waits; None where the pipeline takes its version, or a person wants it
        in its lane."""
        if self._branches is None or deployment.status is not Status.NOT_STARTED or deployment.kind == "rollback":
            return None
        environment, version = deployment.environment, deployment.release.artifact.version
        found = self._branches.elsewhere(environment, version)
        if found is None or deployment.ordered is not None or self._evaluation.promotion_request(deployment):
            return None
        return found if version not in self._holds.pinned(environment) else None

    def missing(self, deployment: Deployment, awaited: AwaitingStages) -> BranchElsewhere | None:
        """Why the flow has no deployment in a stage that it waits for: it never comes out of that one."""
        if self._branches is None:
            return None
        absent = (name for name in awaited.environments if self._evaluation.of(deployment.flow, name) is None)
        found = (self._of(name, deployment.release) for name in absent)
        return next((one for one in found if one is not None), None)

    def is_cut_off(self, deployment: Deployment, awaited: AwaitingStages) -> bool:
        """Whether the flow comes out of none of the stages that it waits for."""
        return all(self._never_leaves(deployment, name) for name in awaited.environments)

    def _never_leaves(self, deployment: Deployment, environment: str) -> bool:
        there = self._evaluation.of(deployment.flow, environment)
        if there is None:
            return self._of(environment, deployment.release) is not None
        return there.status is Status.SKIPPED

    def _of(self, environment: str, release: Release) -> BranchElsewhere | None:
        return self._branches.elsewhere(environment, release.artifact.version) if self._branches is not None else None
