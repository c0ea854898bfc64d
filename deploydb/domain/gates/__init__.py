"""What each type of promotion says of a deployment, why, and when to ask again: one module a type."""

from deploydb.domain.gates.context import GateContext
from deploydb.domain.gates.judge import judge

__all__ = ["GateContext", "judge"]
