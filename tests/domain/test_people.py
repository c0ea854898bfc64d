"""Manual promotions: whose word counts, how many, for how long."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from deploydb.domain.gates import GateContext, judge
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.deployment import FactOrder, Verdict
from deploydb.domain.model.evidence import Approval, Evidence
from deploydb.domain.model.gate_reasons import (
    ApprovalDeferred,
    ApprovalRefused,
    ApprovalTimedOut,
    Approved,
    AwaitingApproval,
)
from deploydb.domain.model.reason_parts import Comment, UncountedVote
from tests.domain.given import artifact, at, deployment, release

GROUPS = {"sre": frozenset({"sue", "sam"}), "qa": frozenset({"quinn", "sue"}), "dev": frozenset({"dan"})}
TWO = ManualPromotion(ident="go", approvals=2)
OF_SRE = ManualPromotion(ident="go", groups=("sre",))
DISTINCT = ManualPromotion(ident="go", approvals=2, groups=("sre", "qa"), distinct_groups=True)
NOT_THE_AUTHOR = ManualPromotion(ident="go", allow_author=False)
SOON = at(1)
WITHIN_1H = ManualPromotion(ident="go", timeout=timedelta(hours=1))
KNOWN = replace(deployment(), release=replace(release(by="dan"), artifact=artifact(digest="sha256:1")))


def word(by: str, *, given: bool = True, minutes: float = 0, digest: str | None = None, comment: str | None = None):
    return Approval(
        promotion="go", by=by, given=given, at=FactOrder(at(minutes), "cli", by), comment=comment, digest=digest
    )


def ask(promotion: ManualPromotion, *words: Approval, now: datetime = SOON, before: Verdict | None = None) -> Verdict:
    asked = GateContext(
        deployment=KNOWN,
        now=now,
        evidence=Evidence(approvals=words),
        groups=GROUPS,
        before={} if before is None else {"go": before},
    )
    (verdict,) = judge([promotion], asked)
    return verdict


@pytest.mark.parametrize(
    ("promotion", "words", "outcome", "reason"),
    [
        (TWO, [], "PENDING", AwaitingApproval(missing=2)),
        (TWO, [word("sue"), word("sue", minutes=1)], "PENDING", AwaitingApproval(missing=1, approved_by=("sue",))),
        (TWO, [word("sue"), word("dan")], "PASS", Approved(by=("dan", "sue"))),
        (
            TWO,
            [word("sue"), word("sue", given=False, minutes=1)],
            "FAIL",
            ApprovalRefused(promotion="go", refusals=(Comment(by="sue"),)),
        ),
        (TWO, [word("sue", given=False), word("sue", minutes=1), word("dan")], "PASS", Approved(by=("dan", "sue"))),
        (
            TWO,
            [word("sue", given=False, comment="not today")],
            "FAIL",
            ApprovalRefused(promotion="go", refusals=(Comment(by="sue", comment="not today"),)),
        ),
        (OF_SRE, [word("sam")], "PASS", Approved(by=("sam",))),
        (
            OF_SRE,
            [word("dan")],
            "PENDING",
            AwaitingApproval(
                missing=1, groups=("sre",), uncounted=(UncountedVote(by="dan", cause="not_in_groups", groups=("sre",)),)
            ),
        ),
        (
            OF_SRE,
            [word("dan", given=False)],
            "PENDING",
            AwaitingApproval(
                missing=1, groups=("sre",), uncounted=(UncountedVote(by="dan", cause="not_in_groups", groups=("sre",)),)
            ),
        ),
        (DISTINCT, [word("sam"), word("quinn")], "PASS", Approved(by=("quinn", "sam"))),
        (DISTINCT, [word("sam"), word("sue")], "PASS", Approved(by=("sam", "sue"))),
        (DISTINCT, [word("sam")], "PENDING", AwaitingApproval(missing=1, groups=("qa",), approved_by=("sam",))),
        (DISTINCT, [word("sue")], "PENDING", AwaitingApproval(missing=1, groups=("qa",), approved_by=("sue",))),
        (
            NOT_THE_AUTHOR,
            [word("dan")],
            "PENDING",
            AwaitingApproval(missing=1, uncounted=(UncountedVote(by="dan", cause="publisher"),)),
        ),
        (
            NOT_THE_AUTHOR,
            [word("dan", given=False)],
            "FAIL",
            ApprovalRefused(promotion="go", refusals=(Comment(by="dan"),)),
        ),
        (NOT_THE_AUTHOR, [word("sue")], "PASS", Approved(by=("sue",))),
        (OF_SRE, [word("sue", digest="sha256:1")], "PASS", Approved(by=("sue",))),
        (
            OF_SRE,
            [word("sue", digest="sha256:2")],
            "PENDING",
            AwaitingApproval(
                missing=1, groups=("sre",), uncounted=(UncountedVote(by="sue", cause="other_file", digest="sha256:2"),)
            ),
        ),
    ],
)
def test_whose_word_counts(promotion: ManualPromotion, words: list[Approval], outcome: str, reason: str) -> None:
    verdict = ask(promotion, *words)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_two_of_one_group_do_not_stand_for_two_groups() -> None:
    only_sre = {**GROUPS, "sre": frozenset({"sam", "sid"}), "qa": frozenset({"quinn"})}
    asked = GateContext(
        deployment=KNOWN, now=at(1), evidence=Evidence(approvals=(word("sam"), word("sid"))), groups=only_sre
    )
    (verdict,) = judge([DISTINCT], asked)
    assert verdict.reason == AwaitingApproval(missing=1, groups=("qa",), approved_by=("sam", "sid"))


def test_the_clock_runs_from_when_people_are_asked_and_running_out_is_a_no() -> None:
    first = ask(WITHIN_1H, now=at(300))
    assert (first.outcome, first.recheck_at) == ("PENDING", at(360))
    later = ask(WITHIN_1H, now=at(330), before=first)
    assert later == first
    over = ask(WITHIN_1H, now=at(360), before=later)
    assert (over.outcome, over.reason) == (
        "FAIL",
        ApprovalTimedOut(promotion="go", timeout=timedelta(hours=1), awaiting=AwaitingApproval(missing=1)),
    )
    assert ask(WITHIN_1H, now=at(400), before=over) == over
    assert ask(WITHIN_1H, word("sue", minutes=401), now=at(401), before=over).outcome == "PASS"


def test_an_expired_request_stays_expired_until_a_person_approves_after_it() -> None:
    two = replace(WITHIN_1H, approvals=2)
    over = ask(two, word("sue", minutes=310), now=at(360), before=ask(two, now=at(300)))
    assert over.outcome == "FAIL"
    smoke = VerificationPromotion(ident="smoke")
    deferred = GateContext(deployment=KNOWN, now=at(370), groups=GROUPS, before={"go": over})
    _, go = judge([smoke, WITHIN_1H], deferred)
    assert (go.outcome, go.recheck_at) == ("FAIL", at(360))
    for configured in (WITHIN_1H, replace(WITHIN_1H, timeout=None), replace(WITHIN_1H, timeout=timedelta(days=1))):
        again = ask(configured, word("sue", minutes=310), now=at(380), before=over)
        assert (again.outcome, again.recheck_at) == ("FAIL", at(360))
        assert ask(configured, word("sam", minutes=385), now=at(390), before=again).outcome == "PASS"
    late = replace(word("sue", minutes=310), recorded_at=at(370))
    assert ask(WITHIN_1H, late, now=at(380), before=over).outcome == "PASS"


def test_an_expired_request_needs_an_approval() -> None:
    over = ask(WITHIN_1H, now=at(360), before=ask(WITHIN_1H, now=at(300)))
    asked = GateContext(
        deployment=KNOWN, now=at(370), evidence=Evidence(approvals=(word("sue", minutes=310),)), before={"go": over}
    )
    (verdict,) = judge([WITHIN_1H], asked)
    needed = WITHIN_1H.requirement(verdict, asked)
    assert needed is not None
    assert needed.text == "one approval"


def test_the_clock_does_not_run_while_other_gates_are_to_pass() -> None:
    smoke = VerificationPromotion(ident="smoke")
    asked = GateContext(deployment=KNOWN, now=at(300), groups=GROUPS)
    _, go = judge([smoke, WITHIN_1H], asked)
    assert (go.outcome, go.reason, go.recheck_at) == ("PENDING", ApprovalDeferred(unmet=("smoke",)), None)
