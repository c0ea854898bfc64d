"""What `doctor` sees of the tools that run commands."""

from collections.abc import Iterator

import sqlalchemy as sa

from deploydb.cli.finding import Finding
from deploydb.store.orchestrator_runs import backlog

FAILING_FROM = 3
"""Failures of a command's tool, one after the other, from which it is reported."""


def failing_tools(engine: sa.Engine) -> Iterator[Finding]:
    """A finding for each orchestrator whose tool does not answer well, with one of its commands."""
    for tool in backlog(engine, failing_from=FAILING_FROM).failing:
        message = f"{tool.failures} failures for the command {tool.command}: {tool.problem}"
        advice = f"see orchestrators/{tool.orchestrator}.yml, and what the worker `orchestrate` logs"
        yield Finding(check=f"orchestrator {tool.orchestrator}", state="warn", seen=message, advice=advice)
