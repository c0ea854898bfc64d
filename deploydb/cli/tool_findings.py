"""What `doctor` sees of the tools that run commands."""

from collections.abc import Iterator

import sqlalchemy as sa

from deploydb.cli.finding import Finding
from deploydb.store.orchestrator_runs import backlog

FAILING_FROM = 3
"""Failures of a command's tool, one after the other, from which it is reported."""


def failing_tools(engine: sa.Engine) -> Iterator[Finding]:
    """A finding for each orchestrator whose tool does not answer well, with one of its commands."""
    failing = {each[1]: each for each in backlog(engine, failing_from=FAILING_FROM).failing}
    for orchestrator, (command, _, failures, problem) in sorted(failing.items()):
        message = f"{failures} failures for the command {command}: {problem}"
        advice = f"see orchestrators/{orchestrator}.yml, and what the worker `orchestrate` logs"
        yield Finding(check=f"orchestrator {orchestrator}", state="warn", seen=message, advice=advice)
