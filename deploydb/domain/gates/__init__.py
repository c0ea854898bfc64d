"""What each type of promotion says of a deployment, why, and when to ask again: one module a type."""

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.judge import Judgement, gives_up_at, judge, judgements, keeps_turn, requirement_of
from deploydb.domain.gates.promotion import Checks, Promotion, Requirement
from deploydb.domain.model.deployment import GateStatus, Verdict

__all__ = [
    "Checks",
    "GateContext",
    "GateStatus",
    "Judgement",
    "Promotion",
    "Requirement",
    "Verdict",
    "gives_up_at",
    "judge",
    "judgements",
    "keeps_turn",
    "requirement_of",
]
