"""All the gates of one stage, each asked in its turn: people last."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from operator import attrgetter
from typing import get_args

from msgspec import convert
from msgspec.structs import asdict, replace

from deploydb.domain.formatting import error_text
from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.manual import ManualPromotion, count
from deploydb.domain.gates.promotion import OnError, Promotion, Requirement
from deploydb.domain.model.deployment import GateStatus, Verdict
from deploydb.domain.model.gate_reasons import GateBroken
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import ErrorLasts, ErrorResolved, Reason

BROKEN_AGAIN_AFTER = timedelta(minutes=1)
"""A gate that breaks is asked again after this."""

_turn = attrgetter("turn")
_REASONS = frozenset(get_args(Reason))


def judge(promotions: Sequence[Promotion], context: GateContext) -> tuple[Verdict, ...]:
    """A verdict for each promotion, in their order.

    FAIL and ERROR are never mixed up: an errored job may report again, a failed one stops the flow. A gate that breaks
    is an ERROR: it blocks, says so, and stops no other. People answer for an ERROR, or its `when_error` once its time
    is over.
    """
    found: dict[str, Verdict] = {}
    for promotion in sorted(promotions, key=_turn):
        others = [(other, found[other.ident]) for other in promotions if other.ident in found]
        found[promotion.ident] = context.assumed.get(promotion.ident) or _judged(promotion, context, others)
    return tuple(found[promotion.ident] for promotion in promotions)


def error_lasts(promotion: Promotion, verdict: Verdict, context: GateContext) -> bool:
    """Whether a gate cannot tell, and its time to answer is over."""
    if verdict.outcome is not GateStatus.ERROR:
        return False
    until = _error_lasts_until(promotion, verdict, context)
    return until is None or context.now >= until


def _judged(promotion: Promotion, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
    verdict = _judge(promotion, context, others)
    return _resolved(promotion, verdict, context) if verdict.outcome is GateStatus.ERROR else verdict


def _resolved(promotion: Promotion, verdict: Verdict, context: GateContext) -> Verdict:
    """What an ERROR comes to: by people, by `when_error`, or it stays one."""
    ident, error = promotion.ident, verdict.reason
    if context.overriders and not promotion.asks_people:
        votes = count(ManualPromotion(ident=ident, groups=context.overriders), context)
        words, refused = votes.refused or votes.given, bool(votes.refused)
        if words:
            by = tuple(Comment(by=word.by, comment=word.comment) for word in words)
            answered = ErrorResolved(promotion=ident, passed=not refused, error=error, by=by)
            outcome = GateStatus.FAIL if refused else GateStatus.PASS
            return context.verdict(ident, outcome, answered, inputs=(*verdict.inputs, *votes.inputs))
    until = _error_lasts_until(promotion, verdict, context)
    if until is not None and context.now < until:
        return replace(verdict, recheck_at=min(until, verdict.recheck_at or until))
    rule = _rule(promotion)
    if rule != "block":
        counted = ErrorResolved(promotion=ident, passed=rule == "pass", error=error)
        outcome = GateStatus.PASS if rule == "pass" else GateStatus.FAIL
        return context.verdict(ident, outcome, counted, inputs=verdict.inputs)
    if until is None:
        return verdict
    return replace(verdict, reason=ErrorLasts(promotion=ident, since=_error_since(promotion, context), error=error))


def _error_since(promotion: Promotion, context: GateContext) -> datetime:
    before = context.before.get(promotion.ident)
    if before is not None and before.outcome is GateStatus.ERROR and before.since is not None:
        return before.since
    return context.now


def _error_lasts_until(promotion: Promotion, verdict: Verdict, context: GateContext) -> datetime | None:
    before = context.before.get(promotion.ident)
    if before is not None and isinstance(before.reason, ErrorResolved) and not before.reason.by:
        return context.now  # it was over before
    if not isinstance(verdict.reason, GateBroken):
        with suppress(Exception):  # as below: a gate that breaks has no time
            return promotion.error_lasts_until(context, _error_since(promotion, context))
    return None


def _rule(promotion: Promotion) -> OnError:
    with suppress(Exception):
        return promotion.when_error
    return "block"


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
