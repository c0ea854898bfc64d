"""The order among the releases of a module that have arrived at a stage: the candidate, and those that it rules out."""

from collections.abc import Sequence

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.flow_progress import FlowProgress
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.evaluation.parallel_groups import ParallelGroups
from deploydb.domain.evaluation.turns import Turns
from deploydb.domain.gates import judge
from deploydb.domain.model.admission_reasons import (
    BehindHotfix,
    BehindOrder,
    BehindPromotion,
    InLine,
    NewerIsLive,
    Superseded,
)
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.deployment import Deployment, GateStatus, Release
from deploydb.domain.model.overrides import PromotionRequest
from deploydb.domain.model.reasons import Reason, several


class Candidates:
    """The order among a service's flows."""

    def __init__(
        self,
        evaluation: Evaluation,
        catalog: Catalog,
        service: Service,
        holds: Holds,
        groups: ParallelGroups,
        progress: FlowProgress,
    ) -> None:
        self._evaluation = evaluation
        self._catalog = catalog
        self._service = service
        self._holds = holds
        self._groups = groups
        self._progress = progress
        self._turns = Turns(evaluation, catalog, service, progress)

    def choose(self, stage: Stage, arrived: Sequence[Deployment]) -> Deployment | None:
        """The candidate among one module's flows that have arrived at a stage; None where each waits or is too late.

        A vetoed release waits for the veto's end, and one that failed beside for a person. A version that every pin
        keeps goes first, and the others wait for the end of the pins; then what a person promotes or has attempted
        again, and hotfixes; then as the stage's `supersede` says. Superseded releases are skipped, others explained.
        """
        releases = self._left(stage, arrived)
        pinned = self._holds.pinned(stage.environment)
        if pinned:
            named = [one for one in releases if one.release.artifact.version in pinned]
            other = self._first(stage, [one for one in releases if one.release.artifact.version not in pinned])
            kept = []
            for one in named if other is None else [*named, other]:
                against = self._pins_against(one)
                if against:
                    self._evaluation.explain(one, several(against))
                else:
                    kept.append(one)
            return max(kept, key=self._age, default=None)
        urgent = [one for one in releases if self._evaluation.is_ahead(one)]
        if not urgent:
            return self._first(stage, releases)
        first = {one.id for one in urgent}
        other = self._first(stage, [one for one in releases if one.id not in first])
        if other is not None:
            self._evaluation.explain(other, self._behind(max(urgent, key=self._age)))
        return self._first(stage, urgent)

    def eligible(self, stage: Stage, arrived: Sequence[Deployment]) -> list[Deployment]:
        """Those that may be chosen: no downgrade, not vetoed, and not held by what became of them beside."""
        rivals = self._rivals(stage) if arrived else ()
        return [
            one
            for one in arrived
            if self._holds.veto_on(one) is None and self._beside(one) is None and self._newer(one, rivals) is None
        ]

    def _pins_against(self, deployment: Deployment) -> list[Reason]:
        return [pin.held for pin in self._holds.pins(deployment.environment, deployment.release.artifact.version)]

    def newer_that_runs(self, deployment: Deployment) -> Reason | None:
        """Why the release would be a downgrade of what its lane runs; None where it would not."""
        ran = self._evaluation.runs(deployment)
        if ran is None or self._newness(ran.release) <= self._newness(deployment.release):
            return None
        return NewerIsLive(
            environment=deployment.environment,
            version=ran.release.artifact.version,
            higher=self._is_higher(ran.release, deployment.release),
        )

    def overtaken(self, deployment: Deployment) -> Reason | None:
        """As `newer_that_runs`; None also where what runs is vetoed: the release may come once that is rolled back."""
        return self.newer_that_runs(deployment) if not self._runs_vetoed(deployment) else None

    def _behind(self, first: Deployment) -> Reason:
        """Why others wait for a release that goes ahead of them."""
        order, version = self._evaluation.goes_ahead(first), first.release.artifact.version
        if isinstance(order, PromotionRequest):
            return BehindPromotion(version=version, promotion=order.comment)
        if order is not None:
            return BehindHotfix(version=version, hotfix=order.comment)
        return BehindOrder(version=version, order=first.ordered.order) if first.ordered else InLine()

    def _newness(self, release: Release) -> tuple[object, ...]:
        """By what one release is newer than another."""
        return release.order_key(self._service.order)

    def _left(self, stage: Stage, arrived: Sequence[Deployment]) -> list[Deployment]:
        """Those that are `eligible`; the others are skipped or explained.

        What would be a downgrade is skipped, but waits where what runs is vetoed: it may come once that is rolled back.
        """
        eligible = []
        rivals = self._rivals(stage)
        for deployment in arrived:
            veto = self._holds.veto_on(deployment)
            beside = self._beside(deployment)
            newer = self._newer(deployment, rivals)
            if newer is not None and not self._runs_vetoed(deployment):
                self._evaluation.skip(deployment, newer)
            elif veto is not None:
                self._evaluation.withdraw_questions(deployment, veto)
                self._evaluation.explain(deployment, veto.held)
            elif (waits := beside or newer) is not None:
                self._evaluation.explain(deployment, waits)
            else:
                eligible.append(deployment)
        return eligible

    def _beside(self, deployment: Deployment) -> Reason | None:
        """What became of the release beside, unless a person wants it here all the same."""
        return self._groups.held(deployment) if not self._is_chosen(deployment) else None

    def _is_chosen(self, deployment: Deployment) -> bool:
        """Whether a person wants the version in this lane."""
        return deployment.ordered is not None or self._evaluation.promotion_request(deployment) is not None

    def _runs_vetoed(self, deployment: Deployment) -> bool:
        """Whether the lane runs a vetoed version of the module."""
        ran = self._evaluation.runs(deployment)
        return ran is not None and self._holds.veto(deployment.environment, ran.release.artifact.version) is not None

    def _first(self, stage: Stage, releases: Sequence[Deployment]) -> Deployment | None:
        """The first in line; the others wait behind it, or are superseded by it: none that a person wants here."""
        if len(releases) < 2:
            return releases[0] if releases else None
        oldest, newest = min(releases, key=self._age), max(releases, key=self._age)
        queue = stage.supersede != "newest"
        first = oldest if queue else self._in_turn(stage, releases) or newest
        for deployment in releases:
            if deployment is first:
                continue
            if self._is_chosen(deployment):
                self._evaluation.explain(deployment, self._behind(first))
            elif queue or deployment is newest:
                self._evaluation.explain(deployment, InLine())
            else:
                self._evaluation.skip(deployment, self._superseded(newest.release, deployment.release))
        return first

    def _in_turn(self, stage: Stage, releases: Sequence[Deployment]) -> Deployment | None:
        """The oldest release for which the entry gates run: else none would get through where releases are frequent.

        The newest one need not wait for it where its own gates have passed: people have approved that one.
        """
        if self._catalog.while_verifying(stage) == "replace":
            return None
        asked = [one for one in releases if self._turns.at_entry(stage, one)]
        first = min(asked, key=self._age, default=None)
        return first if first is None or not self._is_ready(stage, max(releases, key=self._age)) else None

    def _is_ready(self, stage: Stage, deployment: Deployment) -> bool:
        """Whether each entry gate of a release passes."""
        since = self._progress.arrived_at(stage, deployment)
        context = self._evaluation.gate_context(deployment, "entry", self._evaluation.now, since)
        verdicts = judge(self._catalog.entry_promotions(stage.environment), context)
        return all(verdict.outcome is GateStatus.PASS for verdict in verdicts)

    def _age(self, deployment: Deployment) -> tuple[object, ...]:
        return (self._newness(deployment.release), deployment.id)

    def _superseded(self, newer: Release, older: Release) -> Superseded:
        return Superseded(version=newer.artifact.version, higher=self._is_higher(newer, older))

    def _is_higher(self, newer: Release, older: Release) -> bool:
        """Whether the version makes a release newer; of two tags of one version their time does."""
        return self._service.order == "version" and self._newness(newer)[0] != self._newness(older)[0]

    def _rivals(self, stage: Stage) -> list[Deployment]:
        return [one for one in self._evaluation.lane(stage.environment) if self._is_rival(one)]

    def _is_rival(self, deployment: Deployment) -> bool:
        """Whether it rules out older ones: commanded, not over, and not vetoed."""
        commanded = deployment.needs_evaluation and deployment.commanded and deployment.kind == "deploy"
        return commanded and self._holds.veto_on(deployment) is None

    def _newer(self, deployment: Deployment, rivals: Sequence[Deployment]) -> Reason | None:
        """Why the release would be a downgrade in its lane; None where it would not. Where a person has chosen it, what
        runs alone is compared."""
        live = self.newer_that_runs(deployment)
        pinned = deployment.release.artifact.version in self._holds.pinned(deployment.environment)
        if live is not None or pinned or self._is_chosen(deployment):
            return live
        module, newness = deployment.release.artifact.module, self._newness(deployment.release)
        for other in rivals:
            if other.release.artifact.module == module and self._newness(other.release) > newness:
                return self._superseded(other.release, deployment.release)
        return None
