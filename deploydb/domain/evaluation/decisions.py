"""What a decision is made from, and what it says: the values that go into `decide` and come out of it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.commands import Previous
from deploydb.domain.model.deployment import Deployment, FailureResponse, Gate, Phase, Release, Verdict
from deploydb.domain.model.evidence import Evidence
from deploydb.domain.model.overrides import Hold, Hotfix, PromotionRequest, RetryRequest, RollbackRequest
from deploydb.domain.model.reasons import Reason
from deploydb.domain.model.retry_reasons import RetryOrdered
from deploydb.domain.model.running import CurrentVersion, DependencyState, KnownGood

Transition = Literal[
    "adopted", "skipped", "extended", "expired", "replaced", "corrected", "succeeded", "failed", "resumed", "closed"
]
"""How a deployment can change by decision.

adopted    it finished without a command of ours, and counts as commanded now
skipped    it never will be deployed
extended   it has another deadline, later or none: it has started, or its environment has none now
expired    no answer by its deadline
replaced   another version took its place; its flow goes no further
corrected  a later report has it that what went live had failed; or that it runs, after all
succeeded  every exit gate passed
failed     an exit gate failed
resumed    a gate fails no longer, and others are still to be met; or it finished after it had expired; or it was
           skipped, and a stage upstream is attempted again, or the attempt before it failed after all
closed     nothing more will come of it
"""


class Return(Struct, frozen=True, kw_only=True):
    """A release runs in its lane again. `left_at`: when the last other release came to run there; `since`: when the
    return, and that release, were known."""

    left_at: datetime
    since: datetime


class Unplaced(Struct, frozen=True, kw_only=True):
    """A flow that may get a deployment in a stage for the first time, and the environments in which it has one."""

    flow: int
    release: Release
    environments: tuple[str, ...] = ()


class ServiceSnapshot(Struct, frozen=True, kw_only=True):
    """All that is known of one service and is not over.

    `deployments`: every deployment of each flow that has an open one, or of which another attempt is wanted, and open
    ones without a flow; of open rollbacks their causes and earlier attempts, too; where the stages have changed, of the
    flows of what runs, too. `running`: by (environment, module). `evidence` (of earlier attempts, too), and the
    `verdicts` that were decided last by gate: by deployment. `holds`: those that may concern it. `hotfixes`,
    `promotion_requests`, `wishes`, `retries`: of it. `neighbours`: what the lanes run that its gates ask about.
    `read_until`: every message from before then has been recorded; None:
    nothing is known of that. `good`: the last releases that succeeded, newest first, by environment, of those where
    something has failed or a rollback is wanted. `assumed`: verdicts by deployment that stand in place of the gates'
    own, for a "what if". `unknown`: by flow, the environments of the deployments that a simulation has left out.
    `returns`: of open deployments whose release runs there by another deployment, after another release. `unplaced`:
    flows without a deployment in a lane that a person promotes their version to; where the stages have changed, those
    without any deployment, too.
    """

    service: str
    deployments: tuple[Deployment, ...] = ()
    running: dict[tuple[str, str], CurrentVersion] = {}
    evidence: dict[int, Evidence] = {}
    verdicts: dict[int, dict[Gate, Verdict]] = {}
    holds: tuple[Hold, ...] = ()
    hotfixes: tuple[Hotfix, ...] = ()
    promotion_requests: tuple[PromotionRequest, ...] = ()
    wishes: tuple[RollbackRequest, ...] = ()
    retries: tuple[RetryRequest, ...] = ()
    neighbours: tuple[DependencyState, ...] = ()
    good: Mapping[str, tuple[KnownGood, ...]] = {}
    read_until: datetime | None = None
    returns: dict[int, Return] = {}
    assumed: dict[int, dict[Gate, Verdict]] = {}
    unknown: dict[int, frozenset[str]] = {}
    unplaced: tuple[Unplaced, ...] = ()


class FlowOpened(Struct, frozen=True, kw_only=True):
    """A release starts its way through a service's stages; each promotion is one that the stage will ask."""

    service: str
    release: Release
    stages: tuple[tuple[str, tuple[str, ...]], ...]


class FlowExtended(Struct, frozen=True, kw_only=True):
    """A flow gets deployments for the stages that came into its way: `added`, each with the promotions it will ask.

    `stages`: all stages of the service, in their order.
    """

    flow: int
    release: Release
    added: tuple[tuple[str, tuple[str, ...]], ...]
    stages: tuple[str, ...]


class DeploymentRequested(Struct, frozen=True, kw_only=True):
    """Command the deployment."""

    deployment: Deployment
    kind: Literal["deploy", "rollback"]
    manifest: tuple[Artifact, ...]
    previous: Previous | None
    deadline: datetime | None
    reason: Reason


class DeploymentTransitioned(Struct, frozen=True, kw_only=True):
    """The deployment has changed. `reason` says why, also where the deployment's own says something else."""

    what: Transition
    deployment: Deployment
    reason: Reason


class VerdictChanged(Struct, frozen=True, kw_only=True):
    """A gate says something else than it did. `notifies`: from now on it cannot tell, and people are notified.
    `asks`: people begin to be awaited, or others or more of them. `overrides`: people let it pass another freeze."""

    deployment: Deployment
    verdict: Verdict
    notifies: bool = False
    asks: bool = False
    overrides: bool = False


class DeploymentWentLive(Struct, frozen=True, kw_only=True):
    """The deployment ran from then on, until the next one did; it may be live several times. That was recorded at
    `known_at`."""

    deployment: Deployment
    live_at: datetime
    known_at: datetime


class CurrentVersionChanged(Struct, frozen=True, kw_only=True):
    """An environment runs another release of a module."""

    environment: str
    running: CurrentVersion


class AttemptScheduled(Struct, frozen=True, kw_only=True):
    """Another attempt is to be made, in a deployment of its own: a retry, or a rollback to `release`.

    `cause`: the number of the deployment that failed, or that is rolled back. `request`: the log row of the person's
    word. `promotions`: those that the stage will ask. `ordered`: the person's order of a retry, and of its retries.
    """

    kind: Literal["deploy", "rollback"]
    environment: str
    release: Release
    flow: int | None
    attempt: int
    reason: Reason
    promotions: tuple[str, ...] = ()
    cause: int | None = None
    request: int | None = None
    not_before: datetime | None = None
    ordered: RetryOrdered | None = None

    @classmethod
    def after(
        cls,
        last: Deployment,
        reason: Reason,
        promotions: Iterable[str],
        *,
        not_before: datetime | None = None,
        ordered: RetryOrdered | None = None,
        request: int | None = None,
    ) -> "AttemptScheduled":
        """Another attempt after the last one. `promotions`: those of its stage, of which a rollback asks none."""
        deploys = last.kind != "rollback"
        return cls(
            kind="deploy" if deploys else "rollback",
            environment=last.environment,
            release=last.release,
            flow=last.flow,
            attempt=last.attempt + 1,
            reason=reason,
            promotions=tuple(promotions) if deploys else (),
            cause=last.id,
            request=request,
            not_before=not_before,
            ordered=ordered,
        )

    @property
    def trigger_reason(self) -> Reason | None:
        """Why a rollback is made, known before its command; a deploy's reason is put together when it is commanded."""
        return self.reason if self.kind == "rollback" else None


class FailureFinalized(Struct, frozen=True, kw_only=True):
    """A deployment has failed for good, and the failure's strategy was followed. People are notified."""

    deployment: Deployment
    failure_response: FailureResponse
    reason: Reason


class RollbackRequestResolved(Struct, frozen=True, kw_only=True):
    """What came of a rollback that a person wanted."""

    wish: RollbackRequest
    reason: Reason


class RetryRequestResolved(Struct, frozen=True, kw_only=True):
    """What came of another attempt that a person wanted."""

    request: RetryRequest
    reason: Reason


class CheckScheduled(Struct, frozen=True, kw_only=True):
    """Somebody else must be asked about the deployment, from now on, for one gate."""

    deployment: Deployment
    promotion: str
    phase: Phase = "exit"


_OfLanes = DeploymentRequested | DeploymentTransitioned | VerdictChanged | DeploymentWentLive | CurrentVersionChanged
_OfPeopleAndFlows = RollbackRequestResolved | RetryRequestResolved | FlowExtended
Decision = _OfLanes | AttemptScheduled | FailureFinalized | _OfPeopleAndFlows | CheckScheduled


class Decisions(Struct, frozen=True, kw_only=True):
    """The decisions of one evaluation, in order, and when to evaluate again although nothing has happened.

    `explained`: deployments of which only the reason of the status is new: the obstacle of one that waits, or the
    report of a failure. It is computed from the state that the decisions lead to. `again`: evaluate again at once: a
    new attempt has to be commanded.
    """

    service: str
    decisions: tuple[Decision, ...] = ()
    explained: tuple[Deployment, ...] = ()
    recheck_at: datetime | None = None
    again: bool = False
