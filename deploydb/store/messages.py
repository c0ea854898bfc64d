"""The messages that decisions and reports lead to: commands to orchestrators, notifications to everybody else.

Each notification is derived here, of a decision or of a report that ingest has taken in, and goes to the outbox in the
transaction of its change.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

from deploydb.domain.evaluation.decisions import (
    Decision,
    DeploymentRequested,
    DeploymentTransitioned,
    FailureFinalized,
    VerdictChanged,
)
from deploydb.domain.model.commands import DeployCommand, Notification, NotificationType
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.gate_reasons import AwaitingApproval
from deploydb.domain.model.reasons import Reason
from deploydb.domain.wording import text


def command_of(decision: DeploymentRequested) -> DeployCommand:
    """The command of a deployment that was requested, with an id of its own."""
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
        reason=text(decision.reason),
        attempt=known.attempt,
        deadline=decision.deadline,
    )


def notifications_of(decision: Decision, now: datetime, types: Collection[str]) -> Iterator[Notification]:
    """The notifications of a decision, of these types."""
    match decision:
        case DeploymentRequested(deployment=known, reason=reason) if "deployment.requested" in types:
            yield _notification("deployment.requested", known, now, reason)
        case DeploymentTransitioned(what="succeeded", deployment=known, reason=reason) if (
            "deployment.succeeded" in types
        ):
            yield _notification("deployment.succeeded", known, now, reason)
        case DeploymentTransitioned(what="skipped", deployment=known, reason=reason) if "deployment.skipped" in types:
            yield _notification("deployment.skipped", known, now, reason)
        case FailureFinalized(deployment=known, reason=reason) if "deployment.failed" in types:
            response = decision.failure_response
            yield _notification("deployment.failed", known, now, reason, failure_response=response)
        case VerdictChanged(deployment=known, verdict=verdict):
            gate = {"promotion": verdict.promotion, "phase": verdict.phase, "verdict": verdict.outcome.value}
            if verdict.since == now and "verdict.changed" in types:  # not where its reason alone is another
                yield _notification("verdict.changed", known, now, verdict.reason, **gate)
            match verdict.reason:
                case AwaitingApproval(approved_by=(), uncounted=(), groups=groups) if "approval.wanted" in types:
                    until = verdict.recheck_at
                    yield _notification(
                        "approval.wanted", known, now, verdict.reason, **gate, groups=groups, until=until
                    )
                case _:
                    pass
            if decision.notifies and "gate.errored" in types:
                yield _notification("gate.errored", known, now, verdict.reason, promotion=verdict.promotion)


def report_notifications(
    before: Deployment, after: Deployment, now: datetime, types: Collection[str]
) -> Iterator[Notification]:
    """The notifications of a deployment that reports have changed, of these types, in their order."""
    if after.kind == "external":
        return
    begins = before.started is None and after.started is not None
    if begins and before.status in (Status.NOT_STARTED, Status.CREATED) and "deployment.started" in types:
        yield _notification("deployment.started", after, now, None)
    if after.outcome is not None and after.outcome != before.outcome and "deployment.finished" in types:
        yield _notification("deployment.finished", after, now, None, outcome=after.outcome)


def _notification(
    type_: NotificationType,
    known: Deployment,
    now: datetime,
    reason: Reason | None,
    **more: Any,  # noqa: ANN401
) -> Notification:
    return Notification(
        type=type_,
        id=str(uuid4()),
        time=now,
        deployment=known.id,
        flow=known.flow,
        kind=known.kind,
        service=known.service,
        environment=known.environment,
        artifact=known.release.artifact,
        attempt=known.attempt,
        reason=text(reason) if reason is not None else known.failure or "",
        url=known.url,
        **more,
    )
