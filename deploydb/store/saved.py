"""Decisions, written down: deployments, verdicts, what runs, the commands to send, and the log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never
from uuid import uuid4

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.commands import EXCHANGE, DeployCommand
from deploydb.domain.decisions import Decisions, Requested, RunningChanged, Settled, VerdictChanged
from deploydb.domain.state import Deployment
from deploydb.store import rows, wake
from deploydb.store.deployments import decided
from deploydb.store.journal import Journal
from deploydb.store.publications import module_key
from deploydb.store.tables import agenda, deployment, outbox, running, verdict
from deploydb.wire.native import encode_command

_UNTOLD = ("waiting", "closed")
"""Settlements that are bookkeeping: the deployment's reason says them, the log does not repeat them."""


def save(connection: sa.Connection, made: Sequence[Decisions], journal: Journal, now: datetime, catalog: str) -> int:
    """Write the decisions of some services in a handful of statements. How many commands are to be sent."""
    deployments: dict[int, Deployment] = {}
    verdicts: dict[tuple[int, str], dict[str, Any]] = {}
    runs: dict[tuple[str, str, str], dict[str, Any]] = {}
    commands: list[DeployCommand] = []
    for decisions in made:
        for decision in decisions.decisions:
            match decision:
                case Requested():
                    command = _command(decision)
                    commands.append(command)
                    deployments[decision.deployment.id] = replace(decision.deployment, command=command.id)
                    _note(journal, "deployment.requested", decision.deployment, decision.reason, command=command)
                case Settled():
                    deployments[decision.deployment.id] = decision.deployment
                    if decision.what not in _UNTOLD:
                        _note(journal, f"deployment.{decision.what}", decision.deployment, decision.reason)
                case VerdictChanged():
                    row = _verdict(decision, now)
                    verdicts[row["deployment_id"], row["promotion"]] = row
                    said = decision.verdict
                    _note(
                        journal,
                        "verdict.changed",
                        decision.deployment,
                        said.reason,
                        promotion=said.promotion,
                        verdict=said.outcome,
                        inputs=said.inputs,
                        recheck_at=said.recheck_at,
                    )
                case RunningChanged():
                    row = _running(decisions.service, decision)
                    runs[row["service"], row["environment"], row["module_key"]] = row
                    journal.note(
                        "environment.changed",
                        service=decisions.service,
                        environment=decision.environment,
                        deployment=decision.running.deployment,
                        version=decision.running.release.artifact.version,
                        since=decision.running.since,
                    )
                case _:
                    assert_never(decision)
    changed = [decided(deployments[ident]) | {"decided_at": now} for ident in sorted(deployments)]
    rows.update_rows(connection, deployment, changed, key=("id",))
    rows.upsert(
        connection,
        verdict,
        [verdicts[key] for key in sorted(verdicts)],
        key=("deployment_id", "promotion"),
        keep=("created_at",),
    )
    lane = ("service", "environment", "module_key")
    rows.upsert(connection, running, [runs[key] for key in sorted(runs)], key=lane)
    rows.insert_rows(connection, outbox, [_outgoing(command, now) for command in commands])
    rows.update_rows(
        connection,
        agenda,
        [
            {"service": one.service, "due_at": one.recheck_at, "evaluated_at": now, "catalog": catalog}
            for one in sorted(made, key=lambda one: one.service)
        ],
        key=("service",),
    )
    if commands:
        wake.notify(connection, wake.OUTBOX)
    return len(commands)


def _command(decision: Requested) -> DeployCommand:
    known = decision.deployment
    return DeployCommand(
        type=decision.kind,
        id=str(uuid4()),
        deployment=known.id,
        flow=known.flow,
        service=known.service,
        environment=known.environment,
        artifact=known.release.artifact,
        manifest=decision.manifest,
        previous=decision.previous,
        reason=decision.reason,
        attempt=known.attempt,
        deadline=decision.deadline,
    )


def _outgoing(command: DeployCommand, now: datetime) -> dict[str, Any]:
    return {
        "message_id": command.id,
        "exchange": EXCHANGE,
        "routing_key": command.routing_key,
        "body": encode_command(command).decode(),
        "created_at": now,
        "due_at": now,
    }


def _note(journal: Journal, what: str, known: Deployment, reason: str, **told: Any) -> None:  # noqa: ANN401
    journal.note(
        what,
        service=known.service,
        environment=known.environment,
        deployment=known.id,
        flow=known.flow,
        version=known.release.artifact.version,
        reason=reason,
        **told,
    )


def _verdict(decision: VerdictChanged, now: datetime) -> dict[str, Any]:
    said = decision.verdict
    return {
        "deployment_id": decision.deployment.id,
        "promotion": said.promotion,
        "outcome": said.outcome,
        "reason": said.reason,
        "recheck_at": said.recheck_at,
        "inputs": said.inputs,
        "decided_at": now,
        "created_at": now,
    }


def _running(service: str, decision: RunningChanged) -> dict[str, Any]:
    artifact = decision.running.release.artifact
    return {
        "service": service,
        "environment": decision.environment,
        "module_key": module_key(artifact.group, artifact.name),
        "deployment_id": decision.running.deployment,
        "artifact_id": decision.running.release.id,
        "since": decision.running.since,
    }
