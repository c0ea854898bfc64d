"""All the gates of one stage, each asked in its turn: people last."""

from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import GateBroken

BROKEN_AGAIN_AFTER = timedelta(minutes=1)
"""A gate that breaks is asked again after this."""

_turn = attrgetter("turn")


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


def _judge(promotion: Promotion, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
    try:
        return promotion.evaluate(context, others)
    except Exception as error:  # whatever breaks in a gate must block that gate and nothing else
        reason = GateBroken(promotion=promotion.ident, error=f"{type(error).__name__}: {error}")
        return context.verdict(promotion.ident, GateStatus.ERROR, reason, context.now + BROKEN_AGAIN_AFTER)
