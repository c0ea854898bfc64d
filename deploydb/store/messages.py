"""The messages that decisions lead to: commands to orchestrators, notifications to people."""

from datetime import datetime
from uuid import uuid4

from deploydb.domain.evaluation.decisions import DeploymentRequested, FailureFinalized, VerdictChanged
from deploydb.domain.model.commands import DeployCommand, Notification
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


def failure_notification(decision: FailureFinalized, now: datetime) -> Notification:
    """The notification of a failure that is final."""
    known = decision.deployment
    return Notification(
        type="deployment.failed",
        id=str(uuid4()),
        time=now,
        deployment=known.id,
        flow=known.flow,
        kind=known.kind,
        service=known.service,
        environment=known.environment,
        artifact=known.release.artifact,
        attempt=known.attempt,
        failure_response=decision.failure_response,
        reason=text(decision.reason),
        url=known.url,
    )


def gate_notification(decision: VerdictChanged, now: datetime) -> Notification:
    """The notification of a gate that cannot tell."""
    known, verdict = decision.deployment, decision.verdict
    return Notification(
        type="gate.errored",
        id=str(uuid4()),
        time=now,
        deployment=known.id,
        flow=known.flow,
        kind=known.kind,
        service=known.service,
        environment=known.environment,
        artifact=known.release.artifact,
        attempt=known.attempt,
        promotion=verdict.promotion,
        reason=text(verdict.reason),
        url=known.url,
    )
