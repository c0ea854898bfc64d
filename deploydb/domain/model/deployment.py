"""What is known: releases, deployments, verdicts and what runs. Status is derived, never stored by hand.

Facts are merged into a deployment one at a time, in whatever order they come; for each field the fact with the later
`time` wins, ties broken by `(source, id)`. So merging is commutative, associative and idempotent: any order and any
repetition of the same facts gives the same deployment, and the same `status`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.artifact import Artifact, authors_of, order_key
from deploydb.domain.model.facts import DeploymentFinished, DeploymentStarted, Fact
from deploydb.domain.model.reasons import Reason
from deploydb.domain.model.retry_reasons import RetryOrdered

FailureResponse = Literal["stop", "retry", "rollback", "full_rollback", "ignore"]
"""What a failure led to: the strategy that was followed, or another attempt before it counted."""


class Status(StrEnum):
    """How far a deployment has come, derived by `Deployment.status`.

    NOT_STARTED  from the flow's opening, until the command is decided or something rules it out
    CREATED      the command is decided (promotion) and on its way; left by the orchestrator's answer or the deadline,
                 where there is one
    STARTED      the orchestrator has begun (its fact)
    COMPLETED    it runs there (the orchestrator's fact); its exit gates decide. Stays so if another version replaces it
    SUCCESS      every exit gate passed (promotion)
    FAILED       the attempt or an exit gate failed, until a later report resolves it; or it was not answered by its
                 deadline, which a later success resolves, unless another deployment has overtaken it: then it
                 does run there, and stays so
    SKIPPED      it never will be deployed; the reason is with it
    """

    NOT_STARTED = "NOT_STARTED"
    CREATED = "CREATED"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


UNDER_WAY = (Status.CREATED, Status.STARTED, Status.COMPLETED)
"""The statuses of deployments that are commanded and have not ended."""

_RESULTS = {None: Status.COMPLETED, "SUCCESS": Status.SUCCESS, "FAILED": Status.FAILED}


class GateStatus(StrEnum):
    """A gate's judgement. PENDING says what it waits for; ERROR is technical, tried again, and never means FAIL."""

    PASS = "PASS"  # noqa: S105
    PENDING = "PENDING"
    FAIL = "FAIL"
    ERROR = "ERROR"


class FactOrder(NamedTuple):
    """Which of two facts about the same thing is the later one."""

    time: datetime
    source: str
    id: str


def fact_order(fact: Fact) -> FactOrder:
    """A fact's place in time. The wire has filled `time` in.

    Raises: ValueError for a fact without a time.
    """
    if fact.time is None:
        raise ValueError(f"fact {fact.source}/{fact.id} has no time")
    return FactOrder(fact.time, fact.source, fact.id)


class Release(Struct, frozen=True, kw_only=True):
    """An artifact that is stored: with its row's id, when it was published, and by whom.

    `conflict`: another publication of the same version contradicts this one, which was recorded first and stands.
    """

    id: int
    artifact: Artifact
    published_at: datetime
    published_by: str
    conflict: str | None = None

    @property
    def authors(self) -> tuple[str, ...]:
        """As `authors_of`."""
        return authors_of(self.artifact.author, self.artifact.triggered_by, self.published_by)

    def order_key(self, order: Literal["published", "version"]) -> tuple[object, ...]:
        """The key by which one release of a module is newer than another."""
        return order_key(order, self.artifact.version, self.published_at)


class Deployment(Struct, frozen=True, kw_only=True):
    """One attempt to have a release in an environment.

    Columns of three owners: promotion decides (`requested_at` to `status_reason`), facts report (`started*`,
    `finished*`, `outcome`...), and `status` is derived from both. `flow` is None where it was not commanded (`kind`
    external), and of a rollback. `cause`: the deployment whose failure led to this attempt. `not_before`: when it may
    be commanded. `ordered`: the person's order for this attempt, and for the retries of it.
    `trigger_reason`: why it was commanded, or observed, or is put back; `status_reason`: why its status is as it is.
    `failure_response`: the response to its failure, `failure_response_detail`: its details; until then the
    failure has not counted. `live_at`: when it came to run, once that has been taken in; `live_again_at`: when it last
    did so again, after another deployment. `withdrawn_at`: when it had failed by a report that came after it was live.
    `command`: the id of its command, or `UNSENT`. `deadline`: None where its environment has none.
    `finished_known_at`: when the report of its end was recorded, and known to be of this deployment.
    `needs_evaluation`: promotion still has something to do with it.
    """

    id: int
    flow: int | None
    service: str
    environment: str
    release: Release
    kind: Literal["deploy", "rollback", "external"] = "deploy"
    attempt: int = 1
    cause: int | None = None
    not_before: datetime | None = None
    ordered: RetryOrdered | None = None
    command: str | None = None
    requested_at: datetime | None = None
    deadline: datetime | None = None
    expired_at: datetime | None = None
    skipped_at: datetime | None = None
    replaced_at: datetime | None = None
    result: Literal["SUCCESS", "FAILED"] | None = None
    failure_response: FailureResponse | None = None
    failure_response_detail: Reason | None = None
    trigger_reason: Reason | None = None
    status_reason: Reason | None = None
    started: FactOrder | None = None
    finished: FactOrder | None = None
    finished_known_at: datetime | None = None
    outcome: Literal["succeeded", "failed"] | None = None
    failure: str | None = None
    started_url: str | None = None
    finished_url: str | None = None
    live_at: datetime | None = None
    live_again_at: datetime | None = None
    withdrawn_at: datetime | None = None
    needs_evaluation: bool = True

    @property
    def status(self) -> Status:
        """How far it has come: what the decisions and the merged facts add up to, the strongest first."""
        if self.skipped_at is not None:
            return Status.SKIPPED
        if self.expired_at is not None or self.outcome == "failed":
            return Status.FAILED
        if self.outcome == "succeeded":
            return _RESULTS[self.result]
        if self.requested_at is None:
            return Status.NOT_STARTED
        return Status.STARTED if self.started is not None else Status.CREATED

    @property
    def url(self) -> str | None:
        """Where the orchestrator shows the attempt."""
        return self.finished_url or self.started_url

    @property
    def active(self) -> bool:
        """Commanded and not finished: the lane's one."""
        return self.status in (Status.CREATED, Status.STARTED)

    @property
    def got_through(self) -> bool:
        """Whether its flow may go on from it: it succeeded, or its failure is ignored, as configured."""
        return self.status is Status.SUCCESS or self.failure_response == "ignore"

    @property
    def commanded(self) -> bool:
        """Whether DeployDB asked for it. What was adopted has no command."""
        return self.command is not None

    @property
    def happened_at(self) -> datetime | None:
        """Its place in the history: when it was commanded; or else seen running, or skipped. None: it has not begun."""
        return self.requested_at or (self.finished.time if self.finished is not None else self.skipped_at)

    @property
    def gates_count_from(self) -> datetime | None:
        """When it came to run there: the later of the finish and the command, so that no source can backdate it."""
        if self.outcome != "succeeded" or self.finished is None:
            return None
        return max(self.finished.time, self.requested_at or self.finished.time)

    @property
    def reported_live_at(self) -> datetime | None:
        """When it came to run there, to tell which of two came last: as `gates_count_from`, but by the source's word
        alone where it was not commanded, so that deployments adopted together keep the order in which they happened."""
        if self.commanded or self.outcome != "succeeded" or self.finished is None:
            return self.gates_count_from
        return self.finished.time

    def end_known_at(self, now: datetime) -> datetime:
        """When it was known how it ended; now, where that is not recorded."""
        return min(self.finished_known_at or now, now)


DECIDED = (
    "command",
    "requested_at",
    "deadline",
    "expired_at",
    "skipped_at",
    "replaced_at",
    "result",
    "failure_response",
    "failure_response_detail",
    "trigger_reason",
    "status_reason",
    "live_at",
    "live_again_at",
    "withdrawn_at",
    "needs_evaluation",
)
"""The fields of a deployment that decisions change. Facts change the others, and `needs_evaluation`, too."""


def merge(
    deployment: Deployment, fact: DeploymentStarted | DeploymentFinished, known_at: datetime | None = None
) -> Deployment:
    """The deployment with one more fact taken in. A fact that an equal or later one has overtaken changes nothing."""
    at = fact_order(fact)
    match fact:
        case DeploymentStarted():
            if deployment.started is not None and at <= deployment.started:
                return deployment
            return replace(deployment, started=at, started_url=fact.url)
        case DeploymentFinished():
            if deployment.finished is not None and at <= deployment.finished:
                return deployment
            reported = {"outcome": fact.outcome, "failure": fact.reason, "finished_url": fact.url}
            return replace(deployment, finished=at, finished_known_at=known_at, **reported)


UNSENT = ""
"""The command of a deployment until the store gives it its id."""

Phase = Literal["entry", "exit"]
"""On which side of a deployment a gate stands: `entry` is asked before the command, `exit` of what runs. A promotion
that stands on both sides is asked twice, and answered twice."""

Gate = tuple[Phase, str]
"""One gate of a deployment: its side, and its promotion's name."""
Inputs = tuple[int, ...]
"""The facts from which a verdict was made, by the numbers of their log rows."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What a gate says of a deployment now, why, and from which facts.

    `recheck_at`: when time alone may change it, or has: a question that ran out of time keeps when it did. `since`:
    when the gate first gave this outcome, without another one since.
    """

    promotion: str
    phase: Phase = "exit"
    outcome: GateStatus
    reason: Reason
    recheck_at: datetime | None = None
    inputs: Inputs = ()
    since: datetime | None = None

    @property
    def gate(self) -> Gate:
        """Which gate says so."""
        return self.phase, self.promotion
