"""Reasons of the attempts that people ask for, and of the refusals. Those that hold another reason are in `reasons`."""

from deploydb.domain.model.admission_reasons import Held
from deploydb.domain.model.reason_parts import Comment, ReasonCase


class RetryOrdered(ReasonCase, frozen=True, kw_only=True, tag="retry_ordered"):
    """A person asked for the attempt. `skip`: the promotions that it does not have to pass."""

    attempt: int
    order: Comment
    skip: tuple[str, ...] = ()


class RetryForPin(ReasonCase, frozen=True, kw_only=True, tag="retry_for_pin"):
    """The attempt is of the version that the lane is pinned to."""

    attempt: int
    pin: Held


class RetryForPromotion(ReasonCase, frozen=True, kw_only=True, tag="retry_for_promotion"):
    """The attempt is of a version that a person promotes there, and that was skipped before."""

    attempt: int
    promotion: Comment


class GateSkipped(ReasonCase, frozen=True, kw_only=True, tag="gate_skipped"):
    """The person who asked for the attempt named the promotion as one that it does not have to pass."""

    promotion: str
    order: Comment


class NoAttempt(ReasonCase, frozen=True, kw_only=True, tag="no_attempt"):
    """The version has had no deployment there. `modules`: those that have had one, where they are several."""

    modules: tuple[str, ...] = ()


class UnknownGates(ReasonCase, frozen=True, kw_only=True, tag="unknown_gates"):
    """Promotions that the stage does not ask; `known`: those that it does."""

    names: tuple[str, ...]
    known: tuple[str, ...] = ()


RetryReason = RetryOrdered | RetryForPin | RetryForPromotion | GateSkipped | NoAttempt | UnknownGates
"""Every reason of this module."""
