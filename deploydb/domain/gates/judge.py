"""All the gates of one stage, each asked in its turn: people last."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from operator import attrgetter
from typing import get_args

from msgspec import convert
from msgspec.structs import asdict

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.formatting import error_text
from deploydb.domain.gates.promotion import Promotion, Requirement
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import GateBroken
from deploydb.domain.model.reasons import Reason

BROKEN_AGAIN_AFTER = timedelta(minutes=1)
"""A gate that breaks is asked again after this."""

_turn = attrgetter("turn")
_REASONS = frozenset(get_args(Reason))


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
        verdict = promotion.evaluate(context, others)
        aware = verdict.recheck_at is None or verdict.recheck_at.tzinfo is not None
        if aware and verdict.promotion == promotion.ident and type(verdict.reason) in _REASONS:
            return verdict
        error = "expected a verdict of its own, with a reason that can be stored, and a time with its zone"
    except Exception as raised:  # whatever breaks in a gate must block that gate and nothing else
        error = error_text(raised)
    reason = GateBroken(promotion=promotion.ident, error=error)
    return context.verdict(promotion.ident, GateStatus.ERROR, reason, context.now + BROKEN_AGAIN_AFTER)


def requirement_of(promotion: Promotion, verdict: Verdict, context: GateContext) -> Requirement | None:
    """The requirement of a gate that has not passed. The time of a gate that breaks is not known."""
    if not isinstance(verdict.reason, GateBroken):
        with suppress(Exception):  # as above: it has the base's requirement
            found = promotion.requirement(verdict, context)
            return found if found is None else convert(asdict(found), Requirement)
    return Promotion.requirement(promotion, verdict, context)
