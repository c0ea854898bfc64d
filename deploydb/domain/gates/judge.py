"""All the gates of one stage, each asked in its turn: people last."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from operator import attrgetter
from typing import get_args

from msgspec import Struct, convert
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


class Judgement(Struct, frozen=True, kw_only=True):
    """A gate's verdict. `lasts`: it cannot tell, and its time is over."""

    verdict: Verdict
    lasts: bool = False


def judge(promotions: Sequence[Promotion], context: GateContext) -> tuple[Verdict, ...]:
    """A verdict for each promotion, in their order, as of `judgements`."""
    return tuple(judgement.verdict for judgement in judgements(promotions, context))


def judgements(promotions: Sequence[Promotion], context: GateContext) -> tuple[Judgement, ...]:
    """A judgement for each promotion, in their order.

    FAIL and ERROR are never mixed up: an errored job may report again, a failed one stops the flow. A gate that breaks
    is an ERROR: it blocks, says so, and stops no other. People answer for an ERROR, or its `when_error` once its time
    is over.
    """
    found: dict[str, Judgement] = {}
    for promotion in sorted(promotions, key=_turn):
        others = [(other, found[other.ident].verdict) for other in promotions if other.ident in found]
        assumed = context.assumed.get(promotion.ident)
        found[promotion.ident] = (
            Judgement(verdict=assumed) if assumed is not None else _judged(promotion, context, others)
        )
    return tuple(found[promotion.ident] for promotion in promotions)


def gives_up_at(promotion: Promotion, verdict: Verdict, context: GateContext, patience: timedelta) -> datetime | None:
    """When a gate that cannot tell, by its last verdict, has no time left to answer: now, where it breaks, and so long
    after it first could not, where its time has no limit. None: it can tell."""
    if verdict.outcome is not GateStatus.ERROR:
        return None
    if isinstance(verdict.reason, GateBroken):
        return context.now
    try:
        until = _error_lasts_until(promotion, verdict, context)
    except Exception:  # what breaks has no time; `judgements` says so
        return context.now
    return until if until is not None else (verdict.since or context.now) + patience


def keeps_turn(promotion: Promotion, verdict: Verdict) -> bool:
    """Whether the gate is a reason for newer releases to wait, by its last verdict. A gate that breaks is none."""
    if isinstance(verdict.reason, GateBroken):
        return False
    with suppress(Exception):  # `judgements` says so
        return bool(promotion.keeps_turn(verdict))
    return False


def _judged(promotion: Promotion, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Judgement:
    verdict = _judge(promotion, context, others)
    if verdict.outcome is not GateStatus.ERROR:
        return Judgement(verdict=verdict)
    answered = _answered_by_people(promotion, verdict, context)
    if answered is not None:
        return Judgement(verdict=answered)
    try:
        until = _error_lasts_until(promotion, verdict, context)
    except Exception as raised:  # as in `_judge`
        return Judgement(verdict=_broken(promotion, context, error_text(raised)), lasts=True)
    return _resolved(promotion, verdict, context, until)


def _answered_by_people(promotion: Promotion, verdict: Verdict, context: GateContext) -> Verdict | None:
    if not context.overriders or promotion.asks_people:
        return None
    ident = promotion.ident
    votes = count(ManualPromotion(ident=ident, groups=context.overriders), context)
    words, refused = votes.refused or votes.given, bool(votes.refused)
    if not words:
        return None
    by = tuple(Comment(by=word.by, comment=word.comment) for word in words)
    reason = ErrorResolved(promotion=ident, passed=not refused, error=verdict.reason, by=by)
    outcome = GateStatus.FAIL if refused else GateStatus.PASS
    return context.verdict(ident, outcome, reason, inputs=(*verdict.inputs, *votes.inputs))


def _resolved(promotion: Promotion, verdict: Verdict, context: GateContext, until: datetime | None) -> Judgement:
    """What an ERROR comes to that people have not answered: by `when_error` once its time is over, or it stays one."""
    ident, error = promotion.ident, verdict.reason
    if until is not None and context.now < until:
        return Judgement(verdict=replace(verdict, recheck_at=min(until, verdict.recheck_at or until)))
    rule = _rule(promotion)
    if rule != "block":
        counted = ErrorResolved(promotion=ident, passed=rule == "pass", error=error)
        outcome = GateStatus.PASS if rule == "pass" else GateStatus.FAIL
        return Judgement(verdict=context.verdict(ident, outcome, counted, inputs=verdict.inputs))
    if until is not None:
        lasts = ErrorLasts(promotion=ident, since=_error_since(promotion, context), error=error)
        verdict = replace(verdict, reason=lasts)
    return Judgement(verdict=verdict, lasts=True)


def _error_since(promotion: Promotion, context: GateContext) -> datetime:
    before = context.before.get(promotion.ident)
    if before is not None and before.outcome is GateStatus.ERROR and before.since is not None:
        return before.since
    return context.now


def _error_lasts_until(promotion: Promotion, verdict: Verdict, context: GateContext) -> datetime | None:
    """Raises: whatever the gate raises; ValueError for a time without its zone."""
    before = context.before.get(promotion.ident)
    if before is not None and isinstance(before.reason, ErrorResolved) and not before.reason.by:
        return context.now  # it was over before
    if isinstance(verdict.reason, GateBroken):
        return None
    until = promotion.error_lasts_until(context, _error_since(promotion, context))
    if until is not None and until.tzinfo is None:
        raise ValueError("error_lasts_until: expected a time with its zone")
    return until


def _rule(promotion: Promotion) -> OnError:
    with suppress(Exception):
        return promotion.when_error
    return "block"


def _judge(promotion: Promotion, context: GateContext, others: Sequence[tuple[Promotion, Verdict]]) -> Verdict:
    try:
        verdict = promotion.evaluate(context, others)
        aware = verdict.recheck_at is None or verdict.recheck_at.tzinfo is not None
        if aware and verdict.promotion == promotion.ident and type(verdict.reason) in _REASONS:
            promotion.keeps_turn(verdict)  # a gate that breaks in it is shown here, where its verdict is stored
            return verdict
        error = "expected a verdict of its own, with a reason that can be stored, and a time with its zone"
    except Exception as raised:  # whatever breaks in a gate must block that gate and nothing else
        error = error_text(raised)
    return _broken(promotion, context, error)


def _broken(promotion: Promotion, context: GateContext, error: str) -> Verdict:
    reason = GateBroken(promotion=promotion.ident, error=error)
    return context.verdict(promotion.ident, GateStatus.ERROR, reason, context.now + BROKEN_AGAIN_AFTER)


def requirement_of(promotion: Promotion, verdict: Verdict, context: GateContext) -> Requirement | None:
    """The requirement of a gate that has not passed. The time of a gate that breaks is not known."""
    if not isinstance(verdict.reason, GateBroken):
        with suppress(Exception):  # as above: it has the base's requirement
            found = promotion.requirement(verdict, context)
            return found if found is None else convert(asdict(found), Requirement)
    return Promotion.requirement(promotion, verdict, context)
