"""What stands against a release at a door: pauses, pins, vetoes, and freezes with who may override them."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.gates import GateContext
from deploydb.domain.gates.manual import ManualPromotion, count
from deploydb.domain.model.admission_reasons import FreezeOver, FreezeOverridden
from deploydb.domain.model.catalog import Catalog, Stage
from deploydb.domain.model.deployment import Deployment, GateStatus, Verdict
from deploydb.domain.model.overrides import Hold, Kind, standing
from deploydb.domain.model.promotions import FREEZE
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import Reason, several


class Holds:
    """A service's holds, as they stand now. What it answers is looked at again when a hold ends by itself."""

    def __init__(self, evaluation: Evaluation, catalog: Catalog, stages: Mapping[str, Stage]) -> None:
        self._evaluation = evaluation
        self._catalog = catalog
        self._stages = stages

    def veto(self, environment: str, version: str) -> Hold | None:
        """Against a version there: everywhere, there, or in a stage that comes before it."""
        found = self._standing("veto", (None, *self._upstream(environment)), version)
        return found[0] if found else None

    def veto_on(self, deployment: Deployment) -> Hold | None:
        """Against a deployment's version in its lane."""
        return self.veto(deployment.environment, deployment.release.artifact.version)

    def pins(self, environment: str, but: str | None = None) -> list[Hold]:
        """Those that keep another version there; all of them where `but` names none."""
        return [pin for pin in self._standing("pin", (environment,)) if pin.version != but]

    def pinned(self, environment: str) -> set[str | None]:
        """The versions that people keep there."""
        return {pin.version for pin in self._standing("pin", (environment,))}

    def pauses(self, environment: str) -> list[Hold]:
        """Against any promotion to the environment."""
        return self._standing("pause", (None, environment))

    def frozen(self, deployment: Deployment) -> Verdict | None:
        """What the freezes over its environment say of a deployment: a gate that only a word of the right people opens.

        None where there is none, nor was one.
        """
        assumed = self._evaluation.assumed(deployment, ("entry", FREEZE))
        if assumed is not None:
            return assumed
        freezes = self._standing("freeze", (None, deployment.environment))
        before = self._evaluation.before(deployment, "entry").get(FREEZE)
        if not freezes:
            over = before is None or before.outcome is GateStatus.PASS
            return None if over else _verdict(GateStatus.PASS, FreezeOver())
        held = tuple(hold.held for hold in freezes)
        reason = several(held)
        events = [hold.event for hold in freezes if hold.event is not None]
        groups = self._catalog.freeze_overriders
        if not groups:
            return _verdict(GateStatus.PENDING, reason, events)
        evidence = self._evaluation.evidence_at(deployment, "entry")
        words = tuple(
            word for word in evidence.approvals if word.comment and all(hold.stood_at(word) for hold in freezes)
        )
        context = GateContext(
            deployment=deployment,
            now=self._evaluation.now,
            evidence=replace(evidence, approvals=words),
            groups=self._catalog.groups,
        )
        votes = count(ManualPromotion(ident=FREEZE, groups=groups), context)
        inputs = (*events, *votes.inputs)
        if votes.missing or votes.refused:
            return _verdict(GateStatus.PENDING, reason, inputs)
        by = tuple(Comment(by=word.by, comment=word.comment) for word in votes.given)
        return _verdict(GateStatus.PASS, FreezeOverridden(freezes=held, by=by), inputs)

    def _standing(self, kind: Kind, environments: Sequence[str | None], version: str | None = None) -> list[Hold]:
        found = standing(
            self._evaluation.holds, kind, environments=environments, version=version, now=self._evaluation.now
        )
        for hold in self._evaluation.holds:
            turn = hold.turn_after(self._evaluation.now) if hold.kind == kind else None
            if turn is not None and hold.environment in environments and version in (None, hold.version):
                self._evaluation.look_again(turn)
        return found

    def _upstream(self, environment: str) -> list[str]:
        """The environment, and every stage before it."""
        found: dict[str, None] = {}
        look = [environment]
        while look:
            name = look.pop()
            if name not in found:
                found[name] = None
                look += self._stages[name].after.environments if name in self._stages else ()
        return list(found)


def _verdict(outcome: GateStatus, reason: Reason, inputs: Sequence[int] = ()) -> Verdict:
    return Verdict(promotion=FREEZE, phase="entry", outcome=outcome, reason=reason, inputs=tuple(inputs))
