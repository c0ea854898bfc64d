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

    def __init__(self, lanes: Evaluation, service: Service, holds: Holds) -> None:
        self._lanes = lanes
        self._service = service
        self._holds = holds

    def rank(self, stage: Stage, arrived: Sequence[Deployment]) -> Ranking:
        """The candidate among one module's flows that have arrived at a stage.

        A vetoed release waits for the veto's end. A pinned version goes first, and the others wait for the pin's end;
        then hotfixes; then as the stage's `supersede` says.
        """
        waiting: dict[int, Reason] = {}
        superseded: dict[int, Reason] = {}
        rivals = self._fit(stage, arrived, waiting, superseded)

        def first(rivals: Sequence[Deployment]) -> Deployment | None:
            return self._first(stage, rivals, waiting, superseded)

        pin = self._holds.pin(stage.environment)
        urgent = [known for known in rivals if self._lanes.hotfix(known) is not None]
        if pin is not None:
            pinned = [known for known in rivals if known.release.artifact.version == pin.version]
            other = first([known for known in rivals if known not in pinned])
            if other is not None:
                waiting[other.id] = pin.held
            candidate = max(pinned, key=self._age, default=None)
        elif urgent:
            hotfix = self._lanes.hotfix(max(urgent, key=self._age))
            other = first([known for known in rivals if known not in urgent])
            if other is not None and hotfix is not None:
                waiting[other.id] = BehindHotfix(version=hotfix.version, hotfix=hotfix.comment)
            candidate = first(urgent)
        else:
            candidate = first(rivals)
        return Ranking(candidate=candidate, waiting=waiting, superseded=superseded)

    def _newness(self, release: Release) -> tuple[object, ...]:
        """By what one release is newer than another."""
        return release.order_key(self._service.order)

    def _fit(
        self, stage: Stage, arrived: Sequence[Deployment], waiting: dict[int, Reason], superseded: dict[int, Reason]
    ) -> list[Deployment]:
        """Those that are no downgrade and not vetoed."""
        fit = []
        for known in arrived:
            veto = self._holds.veto(stage.environment, known.release.artifact.version)
            overtaken = self._overtaken(known)
            if overtaken is not None:
                superseded[known.id] = overtaken
            elif veto is not None:
                waiting[known.id] = veto.held
            else:
                fit.append(known)
        return fit

    def _first(
        self, stage: Stage, rivals: Sequence[Deployment], waiting: dict[int, Reason], superseded: dict[int, Reason]
    ) -> Deployment | None:
        """The first in line; the others wait behind it, or are superseded by it."""
        if not rivals:
            return None
        if stage.supersede != "newest":
            oldest = min(rivals, key=self._age)
            behind = InLineBehind(version=oldest.release.artifact.version)
            waiting.update({known.id: behind for known in rivals if known is not oldest})
            return oldest
        newest = max(rivals, key=self._age)
        superseded.update(
            {known.id: self._superseded(newest.release, known.release) for known in rivals if known is not newest}
        )
        return newest

    def _age(self, known: Deployment) -> tuple[object, ...]:
        return (self._newness(known.release), known.id)

    def _superseded(self, newer: Release, older: Release) -> Superseded:
        return Superseded(version=newer.artifact.version, higher=self._is_higher(newer, older))

    def _is_higher(self, newer: Release, older: Release) -> bool:
        """Whether the version makes a release newer; of two tags of one version their time does."""
        return self._service.order == "version" and self._newness(newer)[0] != self._newness(older)[0]

    def _overtaken(self, known: Deployment) -> Reason | None:
        """Why the release would be a downgrade in its lane; None where it would not."""
        module, newness = known.release.artifact.module, self._newness(known.release)
        ran = self._lanes.runs(known)
        if ran is not None and self._newness(ran.release) > newness:
            return NewerIsLive(
                environment=known.environment,
                version=ran.release.artifact.version,
                higher=self._is_higher(ran.release, known.release),
            )
        for other in self._lanes.lane(known.environment):
            came = other.needs_evaluation and other.commanded and other.release.artifact.module == module
            if came and other.kind == "deploy" and self._newness(other.release) > newness:
                return self._superseded(other.release, known.release)
        return None
