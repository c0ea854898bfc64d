"""Verdicts on gates: those of one phase, those that a person's order or a veto stands in for, and their changes."""

from collections.abc import Mapping

from msgspec.structs import replace

from deploydb.domain.model.deployment import Deployment, Gate, GateStatus, Phase, Verdict
from deploydb.domain.model.overrides import Hold
from deploydb.domain.model.retry_reasons import GateSkipped


def unasked(verdict: Verdict, veto: Hold) -> Verdict:
    """The verdict of a gate that asks people, while its version is vetoed."""
    waits = verdict.outcome is GateStatus.PENDING
    return replace(verdict, reason=veto.held, recheck_at=None) if waits else verdict


def differ_by_recheck_alone(before: Verdict, verdict: Verdict) -> bool:
    """Whether one is the other, moved on in time."""
    both = before.recheck_at is not None and verdict.recheck_at is not None
    return both and replace(verdict, recheck_at=before.recheck_at) == before


def of_phase(verdicts: Mapping[Gate, Verdict], phase: Phase) -> Mapping[str, Verdict]:
    """The verdicts of one phase, by promotion."""
    return {name: verdict for (side, name), verdict in verdicts.items() if side == phase} if verdicts else {}


def skipped(deployment: Deployment, phase: Phase) -> Mapping[str, Verdict]:
    """The verdicts on the promotions that a person's order names as those that it does not have to pass."""
    ordered = deployment.ordered
    if ordered is None:
        return {}
    return {
        name: Verdict(
            promotion=name,
            phase=phase,
            outcome=GateStatus.PASS,
            reason=GateSkipped(promotion=name, order=ordered.order),
        )
        for name in ordered.skip
    }
