"""Orchestrators whose tool fails, as it is answered."""

from deploydb.store.orchestrator_runs import FailingTool

FAILING_FROM = 3
"""Failures of a command's tool, one after the other, from which it is reported."""


def failing_text(tool: FailingTool) -> str:
    """`3 failures for the command 7f3a: connection refused`."""
    return f"{tool.failures} failures for the command {tool.command}: {tool.problem}"
