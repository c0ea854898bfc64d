"""Bundles: the modules of a service that were built from one commit. They go through its stages side by side.

A bundle enters a stage once all of it has arrived there and may enter; its modules are then deployed one after the
other, and verified at the same time. A module whose sibling failed goes no further, so that no environment runs a part
of a change by accident. A person who orders a version to go ahead, or another attempt of it, takes it out of its
bundle. Where a module was built from a commit more than once, the others wait for the release that is furthest on
its way, of those the newest.
"""

from collections import defaultdict
from collections.abc import Sequence

from deploydb.domain.evaluation.branches import BranchRules
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.evaluation.parallel_groups import ROLLBACKS
from deploydb.domain.model.catalog import Service, Stage
from deploydb.domain.model.deployment import Deployment, Release, Status
from deploydb.domain.model.reasons import BundleFailed, BundleFirst, BundleWaits, FailedUpstream, NotRecorded, Reason

_LOST, _ON_ITS_WAY, _ARRIVED, _THERE = range(4)


def in_bundle(service: Service, one: Release, other: Release) -> bool:
    """Whether two releases of different modules are of one change."""
    commit, modules = one.artifact.commit, (one.artifact.module, other.artifact.module)
    same = commit is not None and commit == other.artifact.commit and modules[0] != modules[1]
    return service.bundle == "commit" and same and all(module in service.artifacts for module in modules)


class Bundles:
    """A service's bundles."""

    def __init__(self, evaluation: Evaluation, service: Service, progress: FlowProgress, branches: BranchRules) -> None:
        self._evaluation = evaluation
        self._branches = branches
        self._service = service
        self._progress = progress
        self._builds: dict[tuple[str, str], dict[str, dict[int, Release]]] = defaultdict(lambda: defaultdict(dict))
        """By environment, commit and module: the releases by flow."""
        self._furthest: dict[tuple[str, str, str], Deployment] = {}
        for deployment in evaluation.all() if service.bundle == "commit" else ():
            file = deployment.release.artifact
            if deployment.flow is not None and file.commit is not None and file.module in service.artifacts:
                self._builds[deployment.environment, file.commit][file.module][deployment.flow] = deployment.release

    def look_again(self) -> None:
        """Find the furthest releases anew: something was commanded since."""
        self._furthest.clear()

    def siblings(self, stage: Stage, deployment: Deployment) -> list[Deployment]:
        """The last attempts of the other releases of its bundle in its lane: of a module that was built more than once,
        of the one that is furthest on its way. None of what goes ahead by an order."""
        commit = deployment.release.artifact.commit
        if deployment.flow is None or commit is None or self._evaluation.is_ahead(deployment):
            return []
        modules = self._builds.get((stage.environment, commit), {})
        mine = deployment.release.artifact.module
        if mine not in self._service.artifacts:
            return []
        found = (self._last(stage, commit, module) for module in modules if module != mine)
        return [one for one in found if one is not None and self._branches.elsewhere(one) is None]

    def _last(self, stage: Stage, commit: str, module: str) -> Deployment | None:
        """The last attempt of the module's release that is furthest; None where the lane runs another one of it."""
        key = (stage.environment, commit, module)
        known = self._furthest.get(key)
        if known is None or self._evaluation.deployment(known.id) is not known:
            builds = self._builds[stage.environment, commit][module]
            last = [self._evaluation.of(flow, stage.environment) for flow in builds]
            ranked = [(self._rank(stage, one), self._newness(one), one) for one in last if one is not None]
            rank, _, known = max(ranked, key=lambda one: one[:2])
            ran = self._evaluation.running.get((stage.environment, module))
            another = ran is not None and ran.release.artifact.commit == commit and ran.release not in builds.values()
            if another and rank < _THERE:
                return None
            self._furthest[key] = known
        return known

    def _rank(self, stage: Stage, deployment: Deployment) -> int:
        """How far it is on its way into the stage."""
        if deployment.active or deployment.status is Status.COMPLETED or deployment.got_through:
            return _THERE
        if deployment.status is not Status.NOT_STARTED:
            return _LOST
        if self._progress.dead_end(stage, deployment) or self._progress.skipped_by_hotfix(deployment):
            return _LOST
        return _ARRIVED if self._progress.waits_for(stage, deployment) is None else _ON_ITS_WAY

    def closed(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """Why the deployment never can enter its stage, alone or with its bundle; None where it may."""
        closed = self._progress.dead_end(stage, deployment) or self._progress.skipped_by_hotfix(deployment)
        return closed or self._broken(stage, deployment)

    def _broken(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """Why the deployment never can enter with its bundle: a release of it has failed, upstream or here."""
        for other in self.siblings(stage, deployment):
            end = self._progress.dead_end(stage, other)
            if isinstance(end, FailedUpstream):
                return _failed(other, end)
            if _is_open_failure(other) and other.failure_response in ROLLBACKS:
                return _failed(other, other.status_reason or NotRecorded())
        return None

    def awaits(self, stage: Stage, deployment: Deployment) -> Reason | None:
        """The release of the bundle that has not arrived at the stage, or failed there; None where all have arrived."""
        for other in self.siblings(stage, deployment):
            awaited: Reason | None = None
            if other.status is Status.NOT_STARTED:
                awaited = self._progress.waits_for(stage, other)
            elif _is_open_failure(other) and other.failure_response not in ("ignore", "retry"):
                awaited = other.status_reason or NotRecorded()
            if awaited is not None:
                return waits(other, awaited)
        return None

    def waiting(self, stage: Stage, deployment: Deployment) -> list[Deployment]:
        """The others of the bundle that have not entered the lane yet."""
        return [other for other in self.siblings(stage, deployment) if other.status is Status.NOT_STARTED]

    def first(self, stage: Stage, arrived: Sequence[Deployment]) -> list[Deployment]:
        """Those of the deployments that have arrived and complete a bundle that the lane has a part of: it runs there,
        or is on its way."""
        begun = [one.release for one in self._evaluation.lane(stage.environment) if one.active]
        begun += (ran.release for (where, _), ran in self._evaluation.running.items() if where == stage.environment)
        flows = (one for one in arrived if one.flow is not None)
        return [one for one in flows if any(in_bundle(self._service, one.release, other) for other in begun)]

    def _newness(self, deployment: Deployment) -> tuple[object, ...]:
        return deployment.release.order_key(self._service.order)


def waits(other: Deployment, reason: Reason) -> BundleWaits:
    """The reason that a release of the bundle waits for."""
    file = other.release.artifact
    return BundleWaits(module=file.module, version=file.version, reason=reason)


def goes_first(other: Deployment) -> BundleFirst:
    """The reason that a part of another bundle is entered before."""
    file = other.release.artifact
    return BundleFirst(module=file.module, version=file.version)


def _is_open_failure(deployment: Deployment) -> bool:
    """Whether it has failed, and nothing took its place since: what is replaced keeps its bundle waiting no longer."""
    return deployment.status is Status.FAILED and deployment.needs_evaluation


def _failed(other: Deployment, reason: Reason) -> BundleFailed:
    file = other.release.artifact
    return BundleFailed(module=file.module, version=file.version, reason=reason)
