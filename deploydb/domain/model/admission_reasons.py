"""Reasons why a release may not enter a stage, or not yet: holds, other releases, other deployments.

Those that hold another reason are in `reasons`.
"""

from datetime import datetime

from deploydb.domain.model.reason_parts import Comment, PipelineBranches, ReasonCase


class _HoldCase(ReasonCase, frozen=True, kw_only=True):
    """A hold. A scope that is None does not narrow it."""

    by: str
    service: str | None = None
    environment: str | None = None
    version: str | None = None
    comment: str | None = None
    begins: datetime | None = None
    until: datetime | None = None


class Pinned(_HoldCase, frozen=True, kw_only=True, tag="pinned"):
    """The lane is pinned to a version."""


class Vetoed(_HoldCase, frozen=True, kw_only=True, tag="vetoed"):
    """The version is vetoed."""


class Frozen(_HoldCase, frozen=True, kw_only=True, tag="frozen"):
    """The environment is frozen."""


class Paused(_HoldCase, frozen=True, kw_only=True, tag="paused"):
    """The service is paused."""


Held = Pinned | Vetoed | Frozen | Paused


class FreezeOver(ReasonCase, frozen=True, kw_only=True, tag="freeze_over"):
    """No freeze stands any more."""


class FreezeOverridden(ReasonCase, frozen=True, kw_only=True, tag="freeze_overridden"):
    """People let the release pass the freezes."""

    freezes: tuple[Held, ...]
    by: tuple[Comment, ...]


def overrides(before: object, now: object) -> bool:
    """Whether people let the release pass a freeze by the reason of now that they did not before."""
    if not isinstance(now, FreezeOverridden) or not isinstance(before, FreezeOverridden):
        return isinstance(now, FreezeOverridden)
    return any(freeze not in before.freezes for freeze in now.freezes)


class StageAddedLater(ReasonCase, frozen=True, kw_only=True, tag="stage_added_later"):
    """The flow had no deployment in a stage upstream, which was younger. Rows of DeployDB before flows followed their
    pipeline have it."""

    environment: str


class StageRemoved(ReasonCase, frozen=True, kw_only=True, tag="stage_removed"):
    """The environment is not a stage of the service now. The deployment waits for it."""

    environment: str
    service: str


class ModuleRemoved(ReasonCase, frozen=True, kw_only=True, tag="module_removed"):
    """The module is not an artifact of the service now. The deployment waits for it."""

    module: str
    service: str


class BranchElsewhere(ReasonCase, frozen=True, kw_only=True, tag="branch_elsewhere"):
    """The pipeline of the stage takes other versions. The deployment waits until it takes this one, or until a person
    promotes it."""

    pipeline: str
    branches: tuple[str, ...]
    version: str


class NoPipeline(ReasonCase, frozen=True, kw_only=True, tag="no_pipeline"):
    """No pipeline of the service takes the version. The release waits until one does."""

    service: str
    version: str
    pipelines: tuple[PipelineBranches, ...]


class SkippedByHotfix(ReasonCase, frozen=True, kw_only=True, tag="skipped_by_hotfix"):
    """The hotfix passes the stage by."""

    hotfix: Comment


class Superseded(ReasonCase, frozen=True, kw_only=True, tag="superseded"):
    """A newer release has come to the stage. `higher`: by its version, else by its time."""

    version: str
    higher: bool


class NewerIsLive(ReasonCase, frozen=True, kw_only=True, tag="newer_is_live"):
    """The environment runs a newer release. `higher`: as of `Superseded`."""

    environment: str
    version: str
    higher: bool


class InLine(ReasonCase, frozen=True, kw_only=True, tag="in_line"):
    """Other releases go first. The place in the line is not kept: it would change for all with each that goes."""


class InLineBehind(ReasonCase, frozen=True, kw_only=True, tag="in_line_behind"):
    """As `InLine`, with the place in the line at the time of an answer: `version` is the first of `ahead` releases."""

    version: str
    ahead: int = 1


class BehindHotfix(ReasonCase, frozen=True, kw_only=True, tag="behind_hotfix"):
    """A hotfix goes first."""

    version: str
    hotfix: Comment


class BehindPromotion(ReasonCase, frozen=True, kw_only=True, tag="behind_promotion"):
    """A version that a person promotes goes first."""

    version: str
    promotion: Comment


class BehindOrder(ReasonCase, frozen=True, kw_only=True, tag="behind_order"):
    """An attempt that a person asked for goes first."""

    version: str
    order: Comment


class RollbackFirst(ReasonCase, frozen=True, kw_only=True, tag="rollback_first"):
    """A rollback goes first."""


class BeingDeployed(ReasonCase, frozen=True, kw_only=True, tag="being_deployed"):
    """Another deployment of the lane is active."""

    version: str
    deployment: int


class BeingVerified(ReasonCase, frozen=True, kw_only=True, tag="being_verified"):
    """Another deployment of the lane is being verified."""

    version: str
    deployment: int


class NotBefore(ReasonCase, frozen=True, kw_only=True, tag="not_before"):
    """The next attempt's time has not come."""

    attempt: int
    at: datetime


class GroupFull(ReasonCase, frozen=True, kw_only=True, tag="group_full"):
    """As many environments of the parallel group are busy as may be."""

    busy: tuple[str, ...]
    most: int
    environments: tuple[str, ...]


FreezeReason = FreezeOver | FreezeOverridden
BranchReason = BranchElsewhere | NoPipeline
ConfigurationReason = StageAddedLater | StageRemoved | ModuleRemoved | BranchReason
_Ahead = InLine | InLineBehind | BehindHotfix | BehindPromotion | BehindOrder | RollbackFirst
OrderReason = SkippedByHotfix | Superseded | NewerIsLive | _Ahead
OccupiedReason = BeingDeployed | BeingVerified | NotBefore | GroupFull
AdmissionReason = Held | FreezeReason | ConfigurationReason | OrderReason | OccupiedReason
"""Every reason of this module."""
