"""The messages that decisions and facts lead to: commands to orchestrators, notifications to everybody else.

Each notification is derived here, of a decision or of a fact that ingest has taken in, and goes to the outbox in the
transaction of its change. Its id is made of what it tells: the same decision at the same time, or the same fact, has
the same one.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import msgspec

from deploydb.domain.evaluation.decisions import (
    Decision,
    DeploymentRequested,
    DeploymentTransitioned,
    FailureFinalized,
    FlowOpened,
    RollbackRequestResolved,
    VerdictChanged,
)
from deploydb.domain.model.admission_reasons import FreezeOverridden
from deploydb.domain.model.commands import DeployCommand, Notification, NotificationType
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.fact import Fact
from deploydb.domain.model.facts import AboutHold, HoldPlaced, RollbackRequested, type_of
from deploydb.domain.model.gate_reasons import AwaitingApproval
from deploydb.domain.model.reasons import ConfigurationChanged, Reason, RollbackOf
from deploydb.domain.wording import text

_IDS = UUID("6f0c1f0e-52d3-5d0a-9d4b-4c6c2f7a3b18")
"""Any number: the space of the names that ids are made of."""
MOST_DIFFERENCES = 100
"""In a notification, of a configuration: the first."""
_Draft = tuple[NotificationType, Deployment, Reason, dict[str, Any]]


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


def notifications_of(service: str, decision: Decision, now: datetime, types: Collection[str]) -> Iterator[Notification]:
    """The notifications of a decision on a service, of these types."""
    if isinstance(decision, RollbackRequestResolved):
        if "rollback.refused" in types and not isinstance(decision.reason, RollbackOf):
            yield _refusal(service, decision, now)
        return
    for type_, known, reason, more in _drafts(decision, now):
        if type_ in types:
            yield _notification(type_, known, now, reason, **more)


def _drafts(decision: Decision, now: datetime) -> Iterator[_Draft]:
    match decision:
        case DeploymentRequested(deployment=known, reason=reason):
            yield "deployment.requested", known, reason, {}
            if decision.kind == "rollback":
                yield "rollback.started", known, reason, {}
        case DeploymentTransitioned(what="succeeded", deployment=known, reason=reason):
            yield "deployment.succeeded", known, reason, {}
            if known.kind == "rollback":
                yield "rollback.succeeded", known, reason, {}
        case DeploymentTransitioned(what="skipped", deployment=known, reason=reason):
            yield "deployment.skipped", known, reason, {}
        case FailureFinalized(deployment=known, reason=reason):
            response = {"failure_response": decision.failure_response}
            yield "deployment.failed", known, reason, response
            if known.kind == "rollback":
                yield "rollback.failed", known, reason, response
        case VerdictChanged(deployment=known, verdict=verdict):
            gate = {"promotion": verdict.promotion, "phase": verdict.phase, "verdict": verdict.outcome.value}
            if verdict.since == now:  # not where its reason alone is another
                yield "verdict.changed", known, verdict.reason, gate
            match verdict.reason:
                case AwaitingApproval(groups=groups) if decision.asks:
                    until = verdict.recheck_at
                    yield "approval.wanted", known, verdict.reason, {**gate, "groups": groups, "until": until}
                case FreezeOverridden(by=by) if decision.overrides:
                    people = ", ".join(dict.fromkeys(one.by for one in by))
                    yield "freeze.overridden", known, verdict.reason, {**gate, "by": people}
                case _:
                    pass
            if decision.notifies:
                yield "gate.errored", known, verdict.reason, {"promotion": verdict.promotion}


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


def has_notification(fact: Fact) -> bool:
    """Whether there is a notification of the fact itself: a hold, or a rollback that a person wants."""
    return isinstance(fact, AboutHold | RollbackRequested)


def fact_notifications(facts: Iterable[Fact], now: datetime, types: Collection[str]) -> Iterator[Notification]:
    """The notifications of facts, of these types, in the order of the facts."""
    for fact in facts:
        if type_of(fact) not in types:
            continue
        match fact:
            case AboutHold():
                stands = {"begins": fact.begins, "until": fact.until} if isinstance(fact, HoldPlaced) else {}
                placed: NotificationType = "hold.placed" if isinstance(fact, HoldPlaced) else "hold.lifted"
                hold = fact.columns()["hold"] or None
                yield _of_fact(placed, fact, now, fact.reason, kind=fact.kind, hold=hold, **stands)
            case RollbackRequested():
                yield _of_fact("rollback.requested", fact, now, fact.reason)
            case _:
                pass


def flow_notification(flow: int, opening: FlowOpened, now: datetime) -> Notification:
    """That a flow was opened."""
    stages = ", ".join(environment for environment, _ in opening.stages)
    return Notification(
        type="flow.opened",
        id=_id("flow.opened", now, flow),
        time=now,
        flow=flow,
        service=opening.service,
        artifact=opening.release.artifact,
        reason=f"through {stages}" if stages else "no stage takes it",
    )


def configuration_notification(reason: ConfigurationChanged, now: datetime) -> Notification:
    """That another configuration is in force."""
    return Notification(
        type="configuration.changed",
        id=_id("configuration.changed", now, reason.digest),
        time=now,
        reason=text(reason),
        digest=reason.digest,
        differences=(reason.differences or ())[:MOST_DIFFERENCES],
    )


def _refusal(service: str, decision: RollbackRequestResolved, now: datetime) -> Notification:
    wish = decision.wish
    return Notification(
        type="rollback.refused",
        id=_id("rollback.refused", *wish.at),
        time=now,
        service=service,
        environment=wish.environment,
        version=wish.version,
        by=wish.by,
        reason=text(decision.reason),
    )


def _of_fact(
    type_: NotificationType,
    fact: AboutHold | RollbackRequested,
    now: datetime,
    reason: str | None,
    **more: Any,  # noqa: ANN401
) -> Notification:
    return Notification(
        type=type_,
        id=_id(type_, fact.source, fact.id),
        time=now,
        service=fact.service,
        environment=fact.environment,
        version=fact.version,
        by=fact.by,
        reason=reason or "",
        **more,
    )


def _notification(
    type_: NotificationType,
    known: Deployment,
    now: datetime,
    reason: Reason | None,
    **more: Any,  # noqa: ANN401
) -> Notification:
    return Notification(
        type=type_,
        id=_id(type_, now, known.id, more.get("phase"), more.get("promotion"), more.get("verdict"), known.outcome),
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


def _id(*parts: datetime | str | int | None) -> str:
    plain = [one.isoformat() if isinstance(one, datetime) else one for one in parts]
    return str(uuid5(_IDS, msgspec.json.encode(plain).decode()))
