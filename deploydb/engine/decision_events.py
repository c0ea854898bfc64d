"""Decision events: the decisions as the log has them, each with all that it changed, read back."""

from datetime import datetime
from typing import Literal, get_args

import msgspec
from msgspec import Struct, field

from deploydb.domain.evaluation import decisions as made
from deploydb.domain.evaluation.decisions import Decision, Transition
from deploydb.domain.model.commands import DeployCommand
from deploydb.domain.model.deployment import Deployment, FailureResponse, GateStatus, Inputs, Phase, Verdict
from deploydb.domain.model.environment_names import Renamed
from deploydb.domain.model.facts import fact_types, type_of
from deploydb.domain.model.reasons import Reason
from deploydb.domain.model.retry_reasons import RetryOrdered
from deploydb.domain.model.running import CurrentVersion
from deploydb.engine.decision_event import Changes, DecisionEvent, Known, OfDeployment, changed
from deploydb.engine.notes import ClockSkewed, DuplicateDiffered


class FlowOpened(DecisionEvent, frozen=True, kw_only=True):
    """A flow's ids. `stages`: in their order, each with the promotions that it will ask."""

    flow: int
    artifact: int
    group: str
    name: str
    version: str
    deployments: dict[str, int]
    stages: tuple[tuple[str, tuple[str, ...]], ...]


class FlowExtended(DecisionEvent, frozen=True, kw_only=True):
    """Further deployments of a flow: for the stages that were `added`, of all `stages` in their order."""

    flow: int
    artifact: int
    deployments: dict[str, int]
    added: tuple[tuple[str, tuple[str, ...]], ...]
    stages: tuple[str, ...]

    def decided(self, known: Known) -> tuple[Decision, ...]:
        extended = made.FlowExtended(
            flow=self.flow, release=known.release(self.artifact), added=self.added, stages=self.stages
        )
        return (extended,)


class ConfigurationChanged(DecisionEvent, frozen=True, kw_only=True):
    """Another configuration is in force. It decides nothing by itself, but environments may be `renamed` by it."""

    service: str = ""
    digest: str
    host: str
    renamed: Renamed | None = None


class DeploymentRecorded(DecisionEvent, frozen=True, kw_only=True):
    """The ids that ingest gave to what somebody has seen running, or to what a historical fact has ended. `fact`: the
    row that says so; `group` and `name`: where that row names no module."""

    deployment: int
    artifact: int
    fact: int
    version: str = ""
    group: str | None = None
    name: str | None = None


class FactMatched(DecisionEvent, frozen=True, kw_only=True):
    """A fact that had named a lane and a version before there was a deployment of it is about this one."""

    deployment: int
    fact: int


class DeploymentRequested(OfDeployment, frozen=True, kw_only=True):
    """A command."""

    command: DeployCommand
    reason: Reason

    def decided(self, known: Known) -> tuple[Decision, ...]:
        command = self.command
        requested = made.DeploymentRequested(
            deployment=self.after(known),
            kind=command.type,
            manifest=command.manifest,
            previous=command.previous,
            deadline=command.deadline,
            reason=self.reason,
        )
        return (requested,)


class DeploymentTransitioned(OfDeployment, frozen=True, kw_only=True):
    """A change of one deployment."""

    reason: Reason

    def decided(self, known: Known) -> tuple[Decision, ...]:
        what = _TRANSITIONS[self.type]
        return (made.DeploymentTransitioned(what=what, deployment=self.after(known), reason=self.reason),)


class VerdictChanged(OfDeployment, frozen=True, kw_only=True):
    """A gate's verdict."""

    promotion: str
    phase: Phase
    verdict: GateStatus
    reason: Reason
    inputs: Inputs = ()
    recheck_at: datetime | None = None
    since: datetime | None = None

    def decided(self, known: Known) -> tuple[Decision, ...]:
        verdict = Verdict(
            promotion=self.promotion,
            phase=self.phase,
            outcome=self.verdict,
            reason=self.reason,
            recheck_at=self.recheck_at,
            inputs=self.inputs,
            since=self.since,
        )
        return (made.VerdictChanged(deployment=self.after(known), verdict=verdict),)


class DeploymentRan(OfDeployment, frozen=True, kw_only=True):
    """It came to run, or did so again, before what runs there now did."""

    since: datetime
    known_at: datetime | None = None

    def decided(self, known: Known) -> tuple[Decision, ...]:
        heard = self.known_at or known.at
        return (made.DeploymentWentLive(deployment=self.after(known), live_at=self.since, known_at=heard),)


class EnvironmentChanged(OfDeployment, frozen=True, kw_only=True):
    """It is what runs there now. `known_at`: where it came to run, or did so again; an older DeployDB left it out."""

    since: datetime
    known_at: datetime | None = None

    def decided(self, known: Known) -> tuple[Decision, ...]:
        deployment = self.after(known)
        ran = CurrentVersion(deployment=deployment.id, release=deployment.release, live_at=self.since)
        runs = made.CurrentVersionChanged(environment=self.environment, running=ran)
        if self.known_at is None and known.deployment(self.deployment).live_at == self.since:
            return (runs,)
        came = made.DeploymentWentLive(deployment=deployment, live_at=self.since, known_at=self.known_at or known.at)
        return (came, runs)


class FailureCounted(OfDeployment, frozen=True, kw_only=True):
    """The response to a failure."""

    failure_response: FailureResponse
    reason: Reason

    def decided(self, known: Known) -> tuple[Decision, ...]:
        finalized = made.FailureFinalized(
            deployment=self.after(known), failure_response=self.failure_response, reason=self.reason
        )
        return (finalized,)


class DeploymentAttempted(DecisionEvent, frozen=True, kw_only=True):
    """A further attempt, in a `deployment` of its own."""

    environment: str
    deployment: int
    kind: Literal["deploy", "rollback"]
    artifact: int
    attempt: int
    reason: Reason
    flow: int | None = None
    cause: int | None = None
    request: int | None = field(default=None, name="wish")
    not_before: datetime | None = None
    ordered: RetryOrdered | None = None
    promotions: tuple[str, ...] = ()

    def decided(self, known: Known) -> tuple[Decision, ...]:
        attempt = made.AttemptScheduled(
            kind=self.kind,
            environment=self.environment,
            release=known.release(self.artifact),
            flow=self.flow,
            attempt=self.attempt,
            reason=self.reason,
            promotions=self.promotions,
            cause=self.cause,
            request=self.request,
            not_before=self.not_before,
            ordered=self.ordered,
        )
        return (attempt,)


class RollbackAnswered(DecisionEvent, frozen=True, kw_only=True):
    """What came of a person's `wish`."""

    wish: int
    reason: Reason

    def decided(self, known: Known) -> tuple[Decision, ...]:
        return (made.RollbackRequestResolved(wish=known.wish(self.wish), reason=self.reason),)


class RetryAnswered(DecisionEvent, frozen=True, kw_only=True):
    """What came of another attempt that a person wanted."""

    request: int
    reason: Reason

    def decided(self, known: Known) -> tuple[Decision, ...]:
        return (made.RetryRequestResolved(request=known.retry(self.request), reason=self.reason),)


class CheckScheduled(OfDeployment, frozen=True, kw_only=True):
    """A check of somebody else."""

    promotion: str
    phase: Phase

    def decided(self, known: Known) -> tuple[Decision, ...]:
        return (made.CheckScheduled(deployment=self.after(known), promotion=self.promotion, phase=self.phase),)


class Alike(Struct, frozen=True, kw_only=True):
    """Deployments of which the same has changed."""

    deployments: tuple[int, ...]
    changes: Changes


class ServiceEvaluated(DecisionEvent, frozen=True, kw_only=True):
    """What an evaluation has changed beside its other events: explanations, and closed deployments."""

    changed: tuple[Alike, ...]

    def explained(self, known: Known) -> tuple[Deployment, ...]:
        return tuple(
            changed(known.deployment(id_), alike.changes) for alike in self.changed for id_ in alike.deployments
        )


_TRANSITIONS: dict[str, Transition] = {f"deployment.{what}": what for what in get_args(Transition)}
_STRUCTS: dict[str, type[DecisionEvent]] = {
    "configuration.changed": ConfigurationChanged,
    "flow.opened": FlowOpened,
    "flow.extended": FlowExtended,
    "deployment.recorded": DeploymentRecorded,
    "fact.matched": FactMatched,
    "deployment.requested": DeploymentRequested,
    **dict.fromkeys(_TRANSITIONS, DeploymentTransitioned),
    "verdict.changed": VerdictChanged,
    "deployment.ran": DeploymentRan,
    "environment.changed": EnvironmentChanged,
    "failure.counted": FailureCounted,
    "deployment.attempted": DeploymentAttempted,
    "rollback.answered": RollbackAnswered,
    "retry.answered": RetryAnswered,
    "check.scheduled": CheckScheduled,
    "service.evaluated": ServiceEvaluated,
    "clock.skewed": ClockSkewed,
    "duplicate.differed": DuplicateDiffered,
}
EVENT_TYPES = (*map(type_of, fact_types()), *_STRUCTS)
"""The types of the events of the log: of facts, then of DeployDB's own events."""
_DECODERS = {name: msgspec.json.Decoder(struct) for name, struct in _STRUCTS.items()}


def decode_decision(type_: str, body: bytes) -> DecisionEvent:
    """The event of a row of the log that DeployDB has written.

    Raises: KeyError for an unknown type, msgspec.ValidationError for a body of another release of DeployDB.
    """
    return _DECODERS[type_].decode(body)
