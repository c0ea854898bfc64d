"""Decisions, written down: deployments, verdicts, what runs, what is to be sent, and the log."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, assert_never

import msgspec
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import (
    AttemptScheduled,
    CheckScheduled,
    CurrentVersionChanged,
    Decision,
    Decisions,
    DeploymentRequested,
    DeploymentTransitioned,
    DeploymentWentLive,
    FailureFinalized,
    FlowExtended,
    RetryRequestResolved,
    RollbackRequestResolved,
    VerdictChanged,
)
from deploydb.domain.model.catalog import Catalog, Lane
from deploydb.domain.model.commands import EXCHANGE
from deploydb.domain.model.deployment import DECIDED, Deployment, Gate, Verdict
from deploydb.domain.model.outcome_reasons import LiveLate
from deploydb.domain.model.reasons import Reason
from deploydb.store import bulk, notifications
from deploydb.store.attempts import open_attempts
from deploydb.store.columns import shared_fields
from deploydb.store.decision_spans import DecisionTraces, Saved
from deploydb.store.deployments import decided, write
from deploydb.store.flow_extensions import extend_flows
from deploydb.store.journal import EXPLANATIONS, Journal
from deploydb.store.live_intervals import LiveIntervals
from deploydb.store.messages import command_of, notifications_of
from deploydb.store.outbox import add, notification_row, unsent_row
from deploydb.store.tables import (
    evaluation_request,
    external_check,
    retry_request,
    rollback_request,
    service_schedule,
    verdict,
)
from deploydb.tracing import NO_TRACER, Span, Tracer
from deploydb.wire.native import encode_command


def save(
    connection: sa.Connection,
    made: Sequence[Decisions],
    before: Iterable[Deployment],
    journal: Journal,
    now: datetime,
    catalog: Catalog,
    tracer: Tracer = NO_TRACER,
) -> Saved:
    """Write the decisions of some services in a handful of statements.

    Marks the services that must be looked at again at once, and those whose gates ask about what has changed.
    `before`: the deployments that were decided on, as they were: the log has what has changed in each.
    """
    book = _Book(journal, before, now, catalog.notification_types)
    for decisions in made:
        for decision in decisions.decisions:
            book.enter(decisions.service, decision)
        book.explain(decisions.explained)
    spans = book.write(connection, tracer)
    bulk.update_rows(
        connection,
        service_schedule,
        [
            {
                "service": one.service,
                "due_at": one.recheck_at,
                "evaluated_at": now,
                "catalog": catalog.digest,
                "stages": catalog.stages_digest(one.service),
            }
            for one in sorted(made, key=lambda one: one.service)
        ],
        key=("service",),
    )
    again = {one.service for one in made if one.again}
    again.update(dependent for lane in book.changed for dependent in catalog.dependents(*lane))
    marks = [{"service": service, "created_at": now} for service in sorted(again)]
    bulk.insert_rows(connection, evaluation_request, marks)
    if marks:
        notifications.notify(connection, notifications.MARKS)
    return Saved(commands=book.commands, spans=spans)


class _Book:
    """Decisions as rows, by table."""

    def __init__(self, journal: Journal, before: Iterable[Deployment], now: datetime, notified: frozenset[str]) -> None:
        self.commands = 0
        self._notified = notified
        self.changed: set[Lane] = set()
        self._journal = journal
        self._now = now
        self._deployments: dict[int, Deployment] = {}
        self._logged = {known.id: known for known in before}
        self._verdicts: dict[tuple[int, Gate], dict[str, Any]] = {}
        self._intervals = LiveIntervals(now)
        self._came: DeploymentWentLive | None = None
        self._outgoing: list[dict[str, Any]] = []
        self._traces = DecisionTraces()
        self._attempts: list[tuple[str, AttemptScheduled]] = []
        self._extensions: list[tuple[str, FlowExtended]] = []
        self._answers: list[dict[str, Any]] = []
        self._retry_answers: list[dict[str, Any]] = []
        self._probes: dict[tuple[int, Gate], dict[str, Any]] = {}

    def enter(self, service: str, decision: Decision) -> None:
        """Note one decision. A later one on the same row takes the earlier one's place."""
        self._traces.decide(decision)
        for notification in notifications_of(service, decision, self._now, self._notified):
            self._outgoing.append(notification_row(notification, self._now))
            self._traces.send(notification.id, notification.deployment)
        runs = decision.running.deployment if isinstance(decision, CurrentVersionChanged) else None
        came, self._came = self._came, None
        if came is not None and came.deployment.id != runs:
            self._note_late(came)
        match decision:
            case DeploymentRequested():
                self._request(decision)
            case DeploymentTransitioned(what=what, deployment=known):
                self._deployments[known.id] = known
                self._intervals.transitioned(decision)
                if what != "closed":  # the log has it with what else has changed
                    self._note(f"deployment.{what}", known, decision.reason)
                if what in ("succeeded", "failed", "resumed"):
                    self.changed.add((service, known.environment))
            case VerdictChanged(deployment=known, verdict=statement):
                self._verdicts[known.id, statement.gate] = _verdict(decision, self._now)
                message = {
                    "promotion": statement.promotion,
                    "phase": statement.phase,
                    "verdict": statement.outcome,
                    "inputs": statement.inputs,
                    "since": statement.since,
                }
                self._note("verdict.changed", known, statement.reason, recheck_at=statement.recheck_at, **message)
            case DeploymentWentLive(deployment=known):
                self._deployments[known.id] = known
                self._intervals.came(decision)
                self._came = decision
            case CurrentVersionChanged(environment=environment, running=ran):
                self._intervals.runs(service, decision)
                self.changed.add((service, environment))
                self._journal.note(
                    "environment.changed",
                    service=service,
                    environment=environment,
                    deployment=ran.deployment,
                    version=ran.release.artifact.version,
                    since=ran.live_at,
                    known_at=came.known_at if came is not None else None,
                    changes=self._changes(ran.deployment),
                )
            case FailureFinalized(deployment=known):
                self._deployments[known.id] = known
                followed = {
                    "failure": known.status_reason,
                    "failure_response": decision.failure_response,
                    "failure_response_detail": known.failure_response_detail,
                }
                self._note("failure.counted", known, decision.reason, **followed)
            case AttemptScheduled():
                self._attempts.append((service, decision))
            case FlowExtended():
                self._extensions.append((service, decision))
            case RollbackRequestResolved(wish=wanted):
                self._answers.append({"event": wanted.event, "answer": decision.reason, "answered_at": self._now})
                self._journal.note(
                    "rollback.answered",
                    service=service,
                    environment=wanted.environment,
                    wish=wanted.event,
                    by=wanted.by,
                    reason=decision.reason,
                )
            case RetryRequestResolved(request=request):
                self._retry_answers.append(
                    {"event": request.event, "answer": decision.reason, "answered_at": self._now}
                )
                self._journal.note(
                    "retry.answered",
                    service=service,
                    environment=request.environment,
                    request=request.event,
                    by=request.by,
                    version=request.version,
                    reason=decision.reason,
                )
            case CheckScheduled(deployment=known, promotion=promotion, phase=phase):
                self._probes[known.id, (phase, promotion)] = {
                    "deployment_id": known.id,
                    "promotion": promotion,
                    "phase": phase,
                    "created_at": self._now,
                    "due_at": self._now,
                }
                self._journal.note(
                    "check.scheduled",
                    service=service,
                    environment=known.environment,
                    deployment=known.id,
                    promotion=promotion,
                    phase=phase,
                )
            case _:
                assert_never(decision)

    def explain(self, explained: Iterable[Deployment]) -> None:
        """Keep the reasons of deployments that no decision changed, in their state after all decisions."""
        self._deployments.update({known.id: known for known in explained})

    def write(self, connection: sa.Connection, tracer: Tracer) -> list[Span]:
        """Write the rows, in the order of their keys. Returns the spans of the decisions."""
        if self._came is not None:
            self._note_late(self._came)
        self._note_the_rest()
        write(connection, [decided(known) | {"decided_at": self._now} for known in self._deployments.values()])
        verdicts = [self._verdicts[each] for each in sorted(self._verdicts)]
        bulk.upsert(connection, verdict, verdicts, key=("deployment_id", "promotion", "phase"), keep=("created_at",))
        self._intervals.write(connection)
        open_attempts(connection, self._attempts, self._journal, self._now)
        extend_flows(connection, self._extensions, self._journal, self._now)
        bulk.update_rows(connection, rollback_request, self._answers, key=("event",))
        bulk.update_rows(connection, retry_request, self._retry_answers, key=("event",))
        probes = [self._probes[each] for each in sorted(self._probes)]
        bulk.insert_new(connection, external_check, probes, returning=("deployment_id",))
        spans = self._traces.place(connection, tracer, self._outgoing)
        add(connection, self._outgoing)
        if self._probes:
            notifications.notify(connection, notifications.PROBES)
        return spans

    def _request(self, decision: DeploymentRequested) -> None:
        command = command_of(decision)
        known = self._deployments[decision.deployment.id] = replace(decision.deployment, command=command.id)
        self._note("deployment.requested", known, decision.reason, command=command)
        row = unsent_row(command.id, EXCHANGE, command.routing_key, encode_command(command), self._now)
        self._outgoing.append(row)
        self._traces.send(command.id, known.id)
        self.commands += 1

    def _note(self, what: str, known: Deployment, reason: Reason, **message: Any) -> None:  # noqa: ANN401
        self._journal.note(
            what,
            service=known.service,
            environment=known.environment,
            deployment=known.id,
            flow=known.flow,
            version=known.release.artifact.version,
            reason=reason,
            **message,
            changes=self._changes(known.id),
        )

    def _note_late(self, came: DeploymentWentLive) -> None:
        """It came to run before what runs there now: the log has the others as `environment.changed`."""
        self._note("deployment.ran", came.deployment, LiveLate(), since=came.live_at, known_at=came.known_at)

    def _changes(self, id_: int) -> dict[str, Any] | None:
        """The fields of a deployment that are not in the log yet; None for none."""
        known = self._deployments.get(id_)
        if known is None:
            return None
        before = self._logged.get(id_)
        self._logged[id_] = known
        changed = {name: getattr(known, name) for name in DECIDED}
        return {name: new for name, new in changed.items() if before is None or new != getattr(before, name)} or None

    def _note_the_rest(self) -> None:
        """What has changed in deployments besides the decisions that are in the log: explanations, and closings."""
        rest: dict[str, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
        for id_, known in sorted(self._deployments.items()):
            changes = self._changes(id_)
            if changes is not None:
                rest[known.service][msgspec.json.encode(changes)].append(id_)
        for service, found in rest.items():
            alike = [{"deployments": ids, "changes": msgspec.Raw(changes)} for changes, ids in found.items()]
            self._journal.note(EXPLANATIONS, service=service, changed=alike)


def _verdict(decision: VerdictChanged, now: datetime) -> dict[str, Any]:
    fields = shared_fields(verdict, Verdict)(decision.verdict)
    return {"deployment_id": decision.deployment.id, **fields, "decided_at": now, "created_at": now}
