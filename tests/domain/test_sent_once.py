"""Notifications that are sent once: that approval is wanted, and that a freeze is passed."""

import pytest

from deploydb.domain.model.admission_reasons import FreezeOver, FreezeOverridden, Frozen, overrides
from deploydb.domain.model.gate_reasons import ApprovalDeferred, AwaitingApproval, UncountedVote, asks
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import Reason

DEFERRED = ApprovalDeferred(unmet=("soak",))


def awaits(missing: int, *groups: str, by: tuple[str, ...] = (), uncounted: str = "") -> AwaitingApproval:
    votes = (UncountedVote(by=uncounted, cause="not_in_groups", groups=groups),) if uncounted else ()
    return AwaitingApproval(missing=missing, groups=groups, approved_by=by, uncounted=votes)


@pytest.mark.parametrize(
    ("before", "now", "asked"),
    [
        (None, awaits(1, "sre"), True),
        (DEFERRED, awaits(1, "sre", uncounted="dan"), True),
        (DEFERRED, awaits(1, "sre", by=("sue",)), True),
        (awaits(1, "sre"), awaits(1, "sre", uncounted="dan"), False),
        (awaits(2, "sre"), awaits(1, "sre", by=("sue",)), False),
        (awaits(1, "sre", by=("sue",)), awaits(2, "sre"), True),
        (awaits(2, "sre", "qa"), awaits(1, "qa", by=("sue",)), False),
        (awaits(1, "sre", uncounted="dan"), awaits(1, "ops", uncounted="dan"), True),
        (awaits(1, "sre"), awaits(1), True),
        (awaits(1), awaits(1, "sre"), False),
        (awaits(1, "sre"), DEFERRED, False),
    ],
)
def test_people_are_asked_when_they_begin_to_be_awaited(before: Reason | None, now: Reason, asked: bool) -> None:
    assert asks(before, now) is asked


def passes(*freezes: str, by: str = "sue") -> FreezeOverridden:
    held = tuple(Frozen(environment="prod", comment=reason, by="bob") for reason in freezes)
    return FreezeOverridden(freezes=held, by=(Comment(by=by),))


@pytest.mark.parametrize(
    ("before", "now", "sent"),
    [
        (None, passes("sale"), True),
        (FreezeOver(), passes("sale"), True),
        (passes("sale"), passes("sale", by="tom"), False),
        (passes("sale", "audit"), passes("audit"), False),
        (passes("sale"), passes("sale", "audit"), True),
        (passes("sale"), FreezeOver(), False),
    ],
)
def test_a_freeze_is_passed_once(before: Reason | None, now: Reason, sent: bool) -> None:
    assert overrides(before, now) is sent
