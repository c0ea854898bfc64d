"""All the gates of one stage, each asked in its turn: people last."""

from collections.abc import Sequence
from datetime import timedelta
from typing import assert_never

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.depends import depends_on
from deploydb.domain.gates.expression import expression
from deploydb.domain.gates.manual import manual
from deploydb.domain.gates.provenance import provenance
from deploydb.domain.gates.soak import soak
from deploydb.domain.gates.verification import checked, verification
from deploydb.domain.gates.window import window
from deploydb.domain.model import promotions as configured
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import ApprovalDeferred, GateBroken
from deploydb.domain.model.promotions import ManualPromotion, Promotion

BROKEN_AGAIN_AFTER = timedelta(minutes=1)
"""A gate that breaks is asked again after this."""


def judge(promotions: Sequence[Promotion], context: GateContext) -> tuple[Verdict, ...]:
    """A verdict for each promotion, in their order.

    FAIL and ERROR are never mixed up: an errored job may report again, a failed one stops the flow. A gate that breaks
    is an ERROR: it blocks, says so, and stops no other.
    """
    found: dict[str, Verdict] = {}
    for promotion in sorted(promotions, key=_turn):
        others = [(other, found[other.ident]) for other in promotions if other.ident in found]
        found[promotion.ident] = context.assumed.get(promotion.ident) or _judge(promotion, context, others)
    return tuple(found[promotion.ident] for promotion in promotions)


def _turn(promotion: Promotion) -> int:
    """Soaks after what verifies, people after everything else."""
    return 2 if isinstance(promotion, ManualPromotion) else isinstance(promotion, configured.SoakPromotion)


def _judge(promotion: Promotion, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
    try:
        return _judge_one(promotion, context, others)
    except Exception as error:  # whatever breaks in a gate must block that gate and nothing else
        reason = GateBroken(promotion=promotion.ident, error=f"{type(error).__name__}: {error}")
        return context.verdict(promotion.ident, GateStatus.ERROR, reason, context.now + BROKEN_AGAIN_AFTER)


def _judge_one(promotion: Promotion, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
    match promotion:
        case configured.VerificationPromotion():
            return verification(promotion, context)
        case configured.WebhookPromotion() | configured.MetricPromotion():
            return checked(promotion, context)
        case configured.SoakPromotion():
            return soak(promotion, context, others)
        case configured.WindowPromotion():
            return window(promotion, context)
        case configured.DependsOnPromotion():
            return depends_on(promotion, context)
        case configured.ExpressionPromotion():
            return expression(promotion, context)
        case configured.ProvenancePromotion():
            return provenance(promotion, context)
        case ManualPromotion():
            return _people(promotion, context, others)
        case _:
            assert_never(promotion)


def _people(promotion: ManualPromotion, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
    """People are asked once what need not ask them has passed. A word that they have given already stands."""
    verdict = manual(promotion, context)
    asked = [(other.ident, result) for other, result in others if not isinstance(other, ManualPromotion)]
    unmet = tuple(ident for ident, result in asked if result.outcome is not GateStatus.PASS)
    ran_out = verdict.outcome is GateStatus.FAIL and verdict.recheck_at is not None
    if not unmet or (verdict.outcome is not GateStatus.PENDING and not ran_out):
        return verdict
    return context.verdict(promotion.ident, GateStatus.PENDING, ApprovalDeferred(unmet=unmet), inputs=verdict.inputs)
