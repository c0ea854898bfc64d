"""Which of several releases that have arrived at a door goes through it next, and what becomes of the others."""

from collections.abc import Sequence

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.model.admission_reasons import BehindHotfix, InLineBehind, NewerIsLive, Superseded
from deploydb.domain.model.catalog import Service, Stage
from deploydb.domain.model.deployment import Deployment, Release
from deploydb.domain.model.reasons import Reason


class Candidates:
    """The order among a service's flows."""

    def __init__(self, lanes: Evaluation, service: Service, holds: Holds) -> None:
        self._lanes = lanes
        self._service = service
        self._holds = holds

    def choose(self, stage: Stage, arrived: Sequence[Deployment]) -> Deployment | None:
        """Of one module's flows at a door, the one whose turn it is; None where all of them are held or too late.

        A vetoed release is passed over, and waits for the veto to be lifted. What is pinned goes before the rest, which
        waits for it to be unpinned; then hotfixes; then as the stage's `supersede` says.
        """
        rivals = self._fit(stage, arrived)
        pin = self._holds.pin(stage.environment)
        if pin is not None:
            pinned = [known for known in rivals if known.release.artifact.version == pin.version]
            others = [known for known in rivals if known not in pinned]
            head = self._head(stage, others)
            if head is not None:
                self._lanes.explain(head, pin.held)
            return max(pinned, key=self._age, default=None)
        urgent = [known for known in rivals if self._lanes.hotfix(known) is not None]
        if urgent:
            first = max(urgent, key=self._age)
            hotfix = self._lanes.hotfix(first)
            head = self._head(stage, [known for known in rivals if known not in urgent])
            if head is not None and hotfix is not None:
                self._lanes.explain(head, BehindHotfix(version=hotfix.version, hotfix=hotfix.comment))
            return self._head(stage, urgent)
        return self._head(stage, rivals)

    def _newness(self, release: Release) -> tuple[object, ...]:
        """By what one release is newer than another."""
        return release.order_key(self._service.order)

    def _fit(self, stage: Stage, arrived: Sequence[Deployment]) -> list[Deployment]:
        """Those that are no downgrade and not vetoed; the others are told."""
        fit = []
        for known in arrived:
            veto = self._holds.veto(stage.environment, known.release.artifact.version)
            overtaken = self._overtaken(known)
            if overtaken is not None:
                self._lanes.skip(known, overtaken)
            elif veto is not None:
                self._lanes.explain(known, veto.held)
            else:
                fit.append(known)
        return fit

    def _head(self, stage: Stage, rivals: Sequence[Deployment]) -> Deployment | None:
        """The first in line; the others wait behind it, or are superseded by it."""
        if not rivals:
            return None
        if stage.supersede != "newest":
            oldest = min(rivals, key=self._age)
            for known in rivals:
                if known is not oldest:
                    self._lanes.explain(known, InLineBehind(version=oldest.release.artifact.version))
            return oldest
        newest = max(rivals, key=self._age)
        for known in rivals:
            if known is not newest:
                self._lanes.skip(known, self._superseded(newest.release, known.release))
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
