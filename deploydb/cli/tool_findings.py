"""What `doctor` sees of the tools that run commands."""

from collections.abc import Iterator

import sqlalchemy as sa

from deploydb.cli.finding import Finding
from deploydb.query.failing_tools import FAILING_FROM, failing_text
from deploydb.store.engine import reading
from deploydb.store.orchestrator_runs import failing_tools


def tool_findings(engine: sa.Engine) -> Iterator[Finding]:
    """A finding for each orchestrator whose tool does not answer well, with one of its commands."""
    with reading(engine) as connection:
        found = failing_tools(connection, failing_from=FAILING_FROM)
    for tool in found:
        advice = f"see orchestrators/{tool.orchestrator}.yml, and what the worker `orchestrate` logs"
        yield Finding(check=f"orchestrator {tool.orchestrator}", state="warn", seen=failing_text(tool), advice=advice)
