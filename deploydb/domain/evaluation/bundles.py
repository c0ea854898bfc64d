"""Bundles: the modules of a service that were built from one commit. They go through its stages side by side.

A bundle enters a stage once all of it has arrived there and may enter; its modules are then deployed one after the
other, and verified at the same time. A module whose sibling failed goes no further, so that no environment runs a part
of a change by accident. Who orders a version to go ahead, takes it out of its bundle.
"""

from collections import defaultdict
from collections.abc import Sequence

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.model.catalog import Service, Stage
from deploydb.domain.model.deployment import Deployment, Release, Status
from deploydb.domain.model.reasons import BundleFailed, BundleFirst, BundleWaits, FailedUpstream, NotRecorded, Reason

_ROLLBACKS = ("rollback", "full_rollback")


def in_bundle(service: Service, one: Release, other: Release) -> bool:
    """Whether two releases of different modules are of one change."""
    commit, modules = one.artifact.commit, (one.artifact.module, other.artifact.module)
    same = commit is not None and commit == other.artifact.commit and modules[0] != modules[1]
    return service.bundle == "commit" and same and all(module in service.artifacts for module in modules)


class Bundles:
    """A service's bundles."""

    def __init__(self, evaluation: Evaluation, service: Service, progress: FlowProgress) -> None:
        self._evaluation = evaluation
        self._service = service
        self._progress = progress
        self._by_commit: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        for deployment in evaluation.all():
            self._by_commit[deployment.environment, deployment.release.artifact.commit].append(deployment.id)

    def siblings(self, deployment: Deployment) -> list[Deployment]:
        """The last attempts of the other releases of its bundle in its lane; none of what goes ahead by an order."""
        if deployment.flow is None or self._evaluation.goes_ahead(deployment) is not None:
            return []
        return [
            other
            for other in self._of_bundle(deployment)
            if other.flow is not None and self._evaluation.of(other.flow, other.environment) == other
        ]

    def broken(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """Why the deployment never can enter with its bundle: a release of it has failed, upstream or here."""
        for other in self.siblings(deployment):
            end = self._progress.dead_end(stage, other)
            if isinstance(end, FailedUpstream):
                return _failed(other, end)
            if other.status is Status.FAILED and other.failure_response in _ROLLBACKS:
                return _failed(other, other.status_reason or NotRecorded())
        return None

    def awaits(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """The release of the bundle that has not arrived at the stage, or failed there; None where all have arrived."""
        for other in self.siblings(deployment):
            awaited: Reason | None = None
            if other.status is Status.NOT_STARTED:
                awaited = self._progress.waits_for(stage, other)
            elif other.status is Status.FAILED and other.failure_response not in ("ignore", "retry"):
                awaited = other.status_reason or NotRecorded()
            if awaited is not None:
                return waits(other, awaited)
        return None

    def waiting(self, deployment: Deployment) -> list[Deployment]:
        """The others of the bundle that have not entered the lane yet."""
        return [other for other in self.siblings(deployment) if other.status is Status.NOT_STARTED]

    def begun(self, deployment: Deployment) -> Release | None:
        """A release of the deployment's bundle that its lane has already: it runs there, or is on its way."""
        if deployment.flow is None:
            return None
        active = next((one.release for one in self._of_bundle(deployment) if one.active), None)
        there = (ran.release for (name, _), ran in self._evaluation.running.items() if name == deployment.environment)
        return active or next((one for one in there if in_bundle(self._service, deployment.release, one)), None)

    def first(self, arrived: Sequence[Deployment]) -> list[Deployment]:
        """Those of the deployments that have arrived and complete a bundle that the lane has a part of."""
        return [one for one in arrived if self.begun(one) is not None]

    def _of_bundle(self, deployment: Deployment) -> list[Deployment]:
        """Every deployment of its bundle's other releases in its lane."""
        commit = deployment.release.artifact.commit
        ids = self._by_commit[deployment.environment, commit] if commit is not None else ()
        known = filter(None, map(self._evaluation.deployment, ids))
        return [other for other in known if in_bundle(self._service, deployment.release, other.release)]


def waits(other: Deployment, reason: Reason) -> BundleWaits:
    """The reason that a release of the bundle waits for."""
    file = other.release.artifact
    return BundleWaits(module=file.module, version=file.version, reason=reason)


def goes_first(other: Deployment) -> BundleFirst:
    """The reason that a part of another bundle is entered before."""
    file = other.release.artifact
    return BundleFirst(module=file.module, version=file.version)


def _failed(other: Deployment, reason: Reason) -> BundleFailed:
    file = other.release.artifact
    return BundleFailed(module=file.module, version=file.version, reason=reason)
