"""Reasons of rollbacks, and of the lack of one. Those that hold another reason are in `reasons`."""

from datetime import datetime

from deploydb.domain.model.admission_reasons import Held
from deploydb.domain.model.reason_parts import ReasonCase


class RollbackFinal(ReasonCase, frozen=True, kw_only=True, tag="rollback_final"):
    """A rollback is never rolled back."""


class FailureIgnored(ReasonCase, frozen=True, kw_only=True, tag="failure_ignored"):
    """The configured strategy is `ignore`."""


class RollingBack(ReasonCase, frozen=True, kw_only=True, tag="rolling_back"):
    """The failure is rolled back to a version."""

    version: str


class NoRollbackTarget(ReasonCase, frozen=True, kw_only=True, tag="no_rollback_target"):
    """No release that succeeded there may be put back. `holds`: against those that succeeded; `rolled_back`: those that
    were rolled back from; `failed`: those that have failed since; `version`: the one that a person asked for."""

    holds: tuple[Held, ...] = ()
    rolled_back: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    version: str | None = None


class NothingLive(ReasonCase, frozen=True, kw_only=True, tag="nothing_live"):
    """Nothing runs in the environment that could be rolled back."""

    environment: str


class OtherRuns(ReasonCase, frozen=True, kw_only=True, tag="other_runs"):
    """Another version runs by now than the one that was to be rolled back. `version`: that one, where it is known."""

    environment: str
    version: str | None = None
    running: str
    live_at: datetime


class RollbackUnderWay(ReasonCase, frozen=True, kw_only=True, tag="rollback_under_way"):
    """A rollback to the version waits or is being deployed: another one is not made."""

    version: str
    deployment: int


_Refusal = NoRollbackTarget | NothingLive | OtherRuns | RollbackUnderWay
RollbackReason = RollbackFinal | FailureIgnored | RollingBack | _Refusal
