"""Reasons as data: one struct a case, with its stable code as the tag. `wording.text` renders the text."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from deploydb.domain.model.admission_reasons import AdmissionReason
from deploydb.domain.model.gate_reasons import GateReason
from deploydb.domain.model.outcome_reasons import OutcomeReason
from deploydb.domain.model.reason_parts import Comment, LaneWait, ReasonCase
from deploydb.domain.model.retry_reasons import RetryOrdered
from deploydb.domain.model.retry_reasons import RetryReason as OrderedRetryReason
from deploydb.domain.model.rollback_reasons import RollbackReason


class StageReason(Struct, frozen=True, kw_only=True):
    """The reason of a deployment in another environment."""

    environment: str
    reason: "Reason"


class Several(ReasonCase, frozen=True, kw_only=True, tag="several"):
    """Two reasons or more that hold at the same time."""

    reasons: tuple["Reason", ...]


class NotRecorded(ReasonCase, frozen=True, kw_only=True, tag="not_recorded"):
    """The reason is not known."""


class NotAsked(ReasonCase, frozen=True, kw_only=True, tag="not_asked"):
    """The gate has not been evaluated yet."""


class Reported(ReasonCase, frozen=True, kw_only=True, tag="reported"):
    """The text of a user or a tool, to the letter."""

    text: str


class ErrorLasts(ReasonCase, frozen=True, kw_only=True, tag="error_lasts"):
    """The gate has no answer, and its time is over: it blocks until it has one, or a person answers for it."""

    promotion: str
    since: datetime
    error: "Reason"


class ErrorResolved(ReasonCase, frozen=True, kw_only=True, tag="error_resolved"):
    """The gate has no answer; it counts as `passed` or not by people, or by its `on_error` (`by` is empty)."""

    promotion: str
    passed: bool
    error: "Reason"
    by: tuple[Comment, ...] = ()


class AwaitingStages(ReasonCase, frozen=True, kw_only=True, tag="awaiting_stages"):
    """The flow has not come out of stages upstream: `all` of them count, or any. `failed`: where it failed, at those
    stages or on its way to them."""

    environments: tuple[str, ...]
    all: bool
    failed: tuple[StageReason, ...] = ()

    @property
    def never(self) -> bool:
        """Whether waiting alone brings it no further."""
        return bool(self.failed) and (self.all or len(self.failed) == len(self.environments))


class _StageCase(ReasonCase, frozen=True, kw_only=True):
    """What became of the flow in another stage."""

    environment: str
    reason: "Reason"


class SkippedUpstream(_StageCase, frozen=True, kw_only=True, tag="skipped_upstream"):
    """The flow ended in a stage upstream: skipped."""


class FailedUpstream(_StageCase, frozen=True, kw_only=True, tag="failed_upstream"):
    """The flow ended in a stage upstream: failed."""


class ReplacedUpstream(_StageCase, frozen=True, kw_only=True, tag="replaced_upstream"):
    """The flow ended in a stage upstream: replaced."""


class UpstreamRestored(_StageCase, frozen=True, kw_only=True, tag="upstream_restored"):
    """A stage upstream had not failed, after all."""


class FailedBeside(ReasonCase, frozen=True, kw_only=True, tag="failed_beside"):
    """The release failed in another environment of its parallel group."""

    version: str
    environment: str
    reason: "Reason"


class TakenBackBeside(ReasonCase, frozen=True, kw_only=True, tag="taken_back_beside"):
    """The release ran in another environment of its parallel group, and was rolled back there."""

    version: str
    environment: str


class BundleWaits(ReasonCase, frozen=True, kw_only=True, tag="bundle_waits"):
    """Another release of the same service and commit may not enter yet, and both enter together."""

    module: str
    version: str
    reason: "Reason"


class BundleFailed(ReasonCase, frozen=True, kw_only=True, tag="bundle_failed"):
    """Another release of the same service and commit has failed."""

    module: str
    version: str
    reason: "Reason"


class BundleFirst(ReasonCase, frozen=True, kw_only=True, tag="bundle_first"):
    """The rest of a bundle, of which a part is there, goes first."""

    module: str
    version: str


class Admitted(ReasonCase, frozen=True, kw_only=True, tag="admitted"):
    """The command's reason: the stages that it was promoted from, else its publisher; and the entry gates.

    `promotion`: the words of the person who promoted it, past the stages in `skip`; `beside`: what had become of it in
    another lane of its group, all the same.
    """

    promoted_from: tuple[StageReason, ...] = ()
    published_by: str | None = None
    attempt: int | None = None
    ordered: RetryOrdered | None = None
    hotfix: Comment | None = None
    promotion: Comment | None = None
    skip: tuple[str, ...] = ()
    entry: tuple["Reason", ...] = ()
    conflict: str | None = None
    beside: "Reason | None" = None


class FinishedLate(ReasonCase, frozen=True, kw_only=True, tag="finished_late"):
    """The deployment finished after its deadline. A failed one was overtaken by then."""

    expired: "Reason"


class GatesPassed(ReasonCase, frozen=True, kw_only=True, tag="gates_passed"):
    """Every exit gate passed."""

    reasons: tuple["Reason", ...]


class Followed(ReasonCase, frozen=True, kw_only=True, tag="followed"):
    """A failure, and the response to it."""

    failure: "Reason"
    response: "Reason"


class RetryScheduled(ReasonCase, frozen=True, kw_only=True, tag="retry_scheduled"):
    """Another attempt is made from a time on."""

    at: datetime
    attempt: int
    attempts: int


class Retried(ReasonCase, frozen=True, kw_only=True, tag="retried"):
    """Another attempt was made."""

    attempt: int
    deployment: int


class RetryOf(ReasonCase, frozen=True, kw_only=True, tag="retry_of"):
    """The deployment is another attempt."""

    attempt: int
    attempts: int
    failure: "Reason"


class RetryRefused(ReasonCase, frozen=True, kw_only=True, tag="retry_refused"):
    """The obstacle to an attempt that a person asked for."""

    version: str
    environment: str
    obstacle: "Reason"


class AlreadyWaiting(ReasonCase, frozen=True, kw_only=True, tag="already_waiting"):
    """A deployment of the version waits there."""

    deployment: int
    reason: "Reason"


class UpstreamRetried(_StageCase, frozen=True, kw_only=True, tag="upstream_retried"):
    """A stage upstream is attempted again."""


class RollbackOf(ReasonCase, frozen=True, kw_only=True, tag="rollback_of"):
    """A rollback after a failure, or by a person. `deployed_at`: when `target` was deployed."""

    version: str
    target: str
    deployed_at: datetime
    failure: "Reason | None" = None
    requested: Comment | None = None


class RollbackWaits(ReasonCase, frozen=True, kw_only=True, tag="rollback_waits"):
    """A rollback, and what it waits for."""

    rollback: "Reason"
    awaits: tuple["Reason", ...]


class NewestPublished(ReasonCase, frozen=True, kw_only=True, tag="newest_published"):
    """The version is the newest that was published."""


class SucceededUpstream(ReasonCase, frozen=True, kw_only=True, tag="succeeded_upstream"):
    """The stage upstream runs the version with success."""

    environment: str


class PutByHand(ReasonCase, frozen=True, kw_only=True, tag="put_by_hand"):
    """Another version was put there by hand."""

    version: str
    expected: "Reason"


class ReturnedLate(ReasonCase, frozen=True, kw_only=True, tag="returned_late"):
    """The version finished after its deadline, when another one had taken its place."""

    version: str
    previous: str


class ReportedElsewhere(ReasonCase, frozen=True, kw_only=True, tag="reported_elsewhere"):
    """A report that matches nothing has another name than the deployment or gate that waits for one. `what`: the
    promotion, or what is reported of the deployment; `field`: the one that differs, `reported` and `expected` in it."""

    what: str
    field: str
    reported: str
    expected: str
    source: str


class CircularWait(ReasonCase, frozen=True, kw_only=True, tag="circular_wait"):
    """The configuration has stages wait for each other in a circle."""

    waits: tuple[LaneWait, ...]


class ConfigurationChanged(ReasonCase, frozen=True, kw_only=True, tag="configuration_changed"):
    """Another configuration is in force on a host. `differences`: from the one before it; None: it is the first.
    `renamed`: by an environment's new name, the one before."""

    host: str
    digest: str
    differences: tuple[str, ...] | None = None
    renamed: dict[str, str] | None = None


PlainReason = Several | NotRecorded | NotAsked | Reported | ReportedElsewhere | ErrorLasts | ErrorResolved
BesideReason = FailedBeside | TakenBackBeside
UpstreamReason = AwaitingStages | SkippedUpstream | FailedUpstream | ReplacedUpstream | UpstreamRestored | BesideReason
BundleReason = BundleWaits | BundleFailed | BundleFirst
RetryReason = Followed | RetryScheduled | Retried | RetryOf | RetryRefused | AlreadyWaiting | UpstreamRetried
DriftReason = NewestPublished | SucceededUpstream | PutByHand | ReturnedLate
StateReason = DriftReason | CircularWait | ConfigurationChanged
_UntilFinished = PlainReason | UpstreamReason | BundleReason | Admitted
_Ended = OutcomeReason | FinishedLate | GatesPassed
_OfAttempts = RetryReason | OrderedRetryReason | RollbackReason | RollbackOf | RollbackWaits
ProgressReason = _UntilFinished | _Ended | _OfAttempts | StateReason
Reason = GateReason | AdmissionReason | ProgressReason


def several(reasons: Sequence[Reason]) -> Reason:
    """One reason for all of them; of a single one itself."""
    return reasons[0] if len(reasons) == 1 else Several(reasons=tuple(reasons))
