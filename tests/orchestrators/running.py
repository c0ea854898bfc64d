"""Deployments of a workshop that a tool runs, and what becomes of them."""

from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.store.tables import deployment, event, orchestrator_run
from tests.cluster import write_config
from tests.workers.in_process import CONFIG, InProcess, until


def configured(workshop: InProcess, text: str, *, others: dict[str, str] | None = None) -> None:
    """An orchestrator of this text for each environment, quick and on loopback; the workers beside it run."""
    files = {"orchestrators/default.yml": f"{text}poll_every: 1s\n", **(others or {})}
    write_config(workshop.config, CONFIG | files)
    workshop.settings = replace(workshop.settings, outgoing_allow="127.0.0.1")
    workshop.provision()
    workshop.start("ingest", "promote", "relay")


def rows(workshop: InProcess) -> list[Any]:
    """The commands, oldest first."""
    return list(workshop.rows(sa.select(orchestrator_run).order_by(orchestrator_run.c.taken_at)))


def row(workshop: InProcess) -> Any:  # a row
    """The first command."""
    return until(lambda: rows(workshop), "the command is taken")[0]


def in_state(workshop: InProcess, state: str) -> Any:  # a row
    """The first command, once it is in this state."""
    return until(lambda: next((one for one in rows(workshop)[:1] if one.state == state), None), f"it is {state}")


def deployments(workshop: InProcess) -> list[Any]:
    """The deployments with their reports, oldest first."""
    return list(workshop.rows(sa.select(deployment).order_by(deployment.c.id)))


def reported(workshop: InProcess, number: int) -> list[tuple[str, str]]:
    """So many reports of the orchestrator, in the log's order: type and id."""
    mine = sa.select(event.c.type, event.c.id).where(event.c.source == "deploydb/orchestrate").order_by(event.c.number)
    found = until(lambda: seen if len(seen := workshop.rows(mine)) >= number else None, f"{number} reports")
    return [(one.type, one.id) for one in found]


def ended(workshop: InProcess) -> Any:  # a row
    """The first deployment, once it has an outcome."""
    return until(lambda: next((one for one in deployments(workshop)[:1] if one.outcome), None), "an outcome")
