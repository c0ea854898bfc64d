"""The order among the releases of a module that have arrived at a stage: the candidate, and those that it rules out."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.model.admission_reasons import BehindHotfix, InLineBehind, NewerIsLive, Superseded
from deploydb.domain.model.catalog import Service, Stage
from deploydb.domain.model.deployment import Deployment, Release
from deploydb.domain.model.reasons import Reason


class Ranking(Struct, frozen=True, kw_only=True):
    """The candidate of a stage; None where each release waits or is too late. The others by id: those that wait behind
    it or at a hold, and those that are superseded."""

    candidate: Deployment | None
    waiting: Mapping[int, Reason]
    superseded: Mapping[int, Reason]


class Candidates:
    """The order among a service's flows."""

    def __init__(self, evaluation: Evaluation, service: Service, holds: Holds) -> None:
        self._evaluation = evaluation
        self._service = service
        self._holds = holds

    def rank(self, stage: Stage, arrived: Sequence[Deployment]) -> Ranking:
        """The candidate among one module's flows that have arrived at a stage.

        A vetoed release waits for the veto's end. A pinned version goes first, and the others wait for the pin's end;
        then hotfixes; then as the stage's `supersede` says.
        """
        waiting: dict[int, Reason] = {}
        superseded: dict[int, Reason] = {}
        arrived_releases = self._fit(stage, arrived, waiting, superseded)

        def first(arrived_releases: Sequence[Deployment]) -> Deployment | None:
            return self._first(stage, arrived_releases, waiting, superseded)

        pin = self._holds.pin(stage.environment)
        urgent = [deployment for deployment in arrived_releases if self._evaluation.hotfix(deployment) is not None]
        if pin is not None:
            pinned = [
                deployment for deployment in arrived_releases if deployment.release.artifact.version == pin.version
            ]
            other = first([deployment for deployment in arrived_releases if deployment not in pinned])
            if other is not None:
                waiting[other.id] = pin.held
            candidate = max(pinned, key=self._age, default=None)
        elif urgent:
            hotfix = self._evaluation.hotfix(max(urgent, key=self._age))
            other = first([deployment for deployment in arrived_releases if deployment not in urgent])
            if other is not None and hotfix is not None:
                waiting[other.id] = BehindHotfix(version=hotfix.version, hotfix=hotfix.comment)
            candidate = first(urgent)
        else:
            candidate = first(arrived_releases)
        return Ranking(candidate=candidate, waiting=waiting, superseded=superseded)

    def _newness(self, release: Release) -> tuple[object, ...]:
        """By what one release is newer than another."""
        return release.order_key(self._service.order)

    def _fit(
        self, stage: Stage, arrived: Sequence[Deployment], waiting: dict[int, Reason], superseded: dict[int, Reason]
    ) -> list[Deployment]:
        """Those that are no downgrade and not vetoed."""
        fit = []
        for deployment in arrived:
            veto = self._holds.veto(stage.environment, deployment.release.artifact.version)
            overtaken = self._overtaken(deployment)
            if overtaken is not None:
                superseded[deployment.id] = overtaken
            elif veto is not None:
                waiting[deployment.id] = veto.held
            else:
                fit.append(deployment)
        return fit

    def _first(
        self,
        stage: Stage,
        arrived_releases: Sequence[Deployment],
        waiting: dict[int, Reason],
        superseded: dict[int, Reason],
    ) -> Deployment | None:
        """The first in line; the others wait behind it, or are superseded by it."""
        if not arrived_releases:
            return None
        if stage.supersede != "newest":
            oldest = min(arrived_releases, key=self._age)
            behind = InLineBehind(version=oldest.release.artifact.version)
            waiting.update({deployment.id: behind for deployment in arrived_releases if deployment is not oldest})
            return oldest
        newest = max(arrived_releases, key=self._age)
        superseded.update(
            {
                deployment.id: self._superseded(newest.release, deployment.release)
                for deployment in arrived_releases
                if deployment is not newest
            }
        )
        return newest

    def _age(self, deployment: Deployment) -> tuple[object, ...]:
        return (self._newness(deployment.release), deployment.id)

    def _superseded(self, newer: Release, older: Release) -> Superseded:
        return Superseded(version=newer.artifact.version, higher=self._is_higher(newer, older))

    def _is_higher(self, newer: Release, older: Release) -> bool:
        """Whether the version makes a release newer; of two tags of one version their time does."""
        return self._service.order == "version" and self._newness(newer)[0] != self._newness(older)[0]

    def _overtaken(self, deployment: Deployment) -> Reason | None:
        """Why the release would be a downgrade in its lane; None where it would not."""
        module, newness = deployment.release.artifact.module, self._newness(deployment.release)
        ran = self._evaluation.runs(deployment)
        if ran is not None and self._newness(ran.release) > newness:
            return NewerIsLive(
                environment=deployment.environment,
                version=ran.release.artifact.version,
                higher=self._is_higher(ran.release, deployment.release),
            )
        for other in self._evaluation.lane(deployment.environment):
            came = other.needs_evaluation and other.commanded and other.release.artifact.module == module
            if came and other.kind == "deploy" and self._newness(other.release) > newness:
                return self._superseded(other.release, deployment.release)
        return None
