"""The spans of decisions on deployments, and the places in traces of what is sent of them."""

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.evaluation.decisions import (
    Decision,
    DeploymentRequested,
    DeploymentTransitioned,
    FailureFinalized,
)
from deploydb.domain.model.deployment import Deployment
from deploydb.store.trace_contexts import columns, places_of_deployments
from deploydb.tracing import Span, Tracer, deploying

What = Literal["deploy", "rollback", "succeeded", "failed", "skipped"]


class Saved(Struct, frozen=True, kw_only=True):
    """How many commands are to be sent, and the spans to end once that is committed."""

    commands: int
    spans: Sequence[Span]


class DecisionTraces:
    """What was decided, and which messages are about which deployments."""

    def __init__(self) -> None:
        self._decided: dict[int, tuple[What, Deployment]] = {}
        self._subjects: dict[str, int] = {}

    def decide(self, decision: Decision) -> None:
        """Note a decision, where it begins or ends a deployment."""
        match decision:
            case DeploymentRequested(kind=what, deployment=known):
                self._decided[known.id] = (what, known)
            case DeploymentTransitioned(what="succeeded" | "skipped" as ended, deployment=known):
                self._decided[known.id] = (ended, known)
            case FailureFinalized(deployment=known):
                self._decided[known.id] = ("failed", known)
            case _:
                pass

    def send(self, message_id: str, deployment: int | None) -> None:
        """Note a message."""
        if deployment is not None:
            self._subjects[message_id] = deployment

    def place(self, connection: sa.Connection, tracer: Tracer, rows: Sequence[dict[str, Any]]) -> list[Span]:
        """Give the rows of the outbox their places, and begin the spans.

        Costs nothing where no message is about a deployment, and no spans are made.
        """
        decided = self._decided if tracer.is_on else {}
        places = places_of_deployments(connection, {*self._subjects.values(), *decided})
        spans: list[Span] = []
        for id_, (what, known) in decided.items():
            attributes = deploying(
                service=known.service,
                environment=known.environment,
                version=known.release.artifact.version,
                deployment=id_,
                flow=known.flow,
            )
            span = tracer.begin(f"decide {what}", "internal", places.get(id_), attributes)
            spans.append(span)
            if span.context is not None:
                places[id_] = span.context
        for row in rows:
            row.update(columns(places.get(self._subjects.get(row["message_id"], 0))))
        return spans
