"""What each gate says, as tables: the verdict, the reason people read, and when to ask again."""

from datetime import timedelta

import pytest

from deploydb.domain.formatting import in_words
from deploydb.domain.gates import GateContext, judge
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.deployment import FactOrder
from deploydb.domain.model.evidence import Approval, Evidence, Verification
from deploydb.domain.model.gate_reasons import (
    ApprovalDeferred,
    ApprovalRefused,
    Approved,
    AwaitingApproval,
    AwaitingJobs,
    JobsFailed,
    JobsPassed,
    JobsTimedOut,
    Soaked,
    Soaking,
    SoakNotLive,
)
from deploydb.domain.model.reason_parts import Comment, JobReport, UncountedVote
from deploydb.domain.model.reasons import ErrorLasts
from tests.domain.given import MANUAL, SMOKE, SOAK, at, deployment

SMOKE_IN_1H = VerificationPromotion(ident="smoke", timeout=timedelta(hours=1))
TWO = ManualPromotion(ident="manual", approvals=2)
NOT_THE_AUTHOR = ManualPromotion(ident="manual", allow_author=False)


RUNS = deployment(requested_at=at(-600), finished=FactOrder(at(0), "cd", "1"), outcome="succeeded")
NOT_YET = deployment(requested_at=at(0))


def report(outcome: str, *, minutes: float = 1, reason: str | None = None, event: int = 7) -> Verification:
    answer = FactOrder(at(minutes), "ci", str(event))
    return Verification(promotion="smoke", outcome=outcome, at=answer, reason=reason, event=event)


def word(by: str, *, given: bool = True, minutes: float = 1, comment: str | None = None, event: int = 7) -> Approval:
    answer = FactOrder(at(minutes), "cli", str(event))
    return Approval(promotion="manual", by=by, given=given, at=answer, comment=comment, event=event)


def evidence_of(*facts: Verification | Approval) -> Evidence:
    return Evidence(
        verifications=tuple(one for one in facts if isinstance(one, Verification)),
        approvals=tuple(one for one in facts if isinstance(one, Approval)),
    )


BROKE = report("errored", reason="no agent")
RECOVERED = report("passed", minutes=2, event=8)
ALICE, ALICE_LATER = word("alice"), word("alice", minutes=2, event=8)
BOB, NO = word("bob", event=9), word("carol", given=False, event=10)
OWN = UncountedVote(by="ci", cause="publisher")


def ask(promotion: VerificationPromotion | ManualPromotion | SoakPromotion, evidence: Evidence, minutes: float, **more):
    """What one gate says, that many minutes after noon, of a version that has run since noon."""
    known = more.pop("deployment", RUNS)
    asked = GateContext(
        deployment=known, evidence=evidence, now=at(minutes), **{"since": known.gates_count_from, **more}
    )
    (verdict,) = judge([promotion], asked)
    assert verdict.promotion == promotion.ident
    assert verdict.recheck_at is None or verdict.recheck_at > at(minutes)
    return verdict.outcome, verdict.reason, verdict.recheck_at, verdict.inputs


@pytest.mark.parametrize(
    ("promotion", "evidence", "minutes", "verdict"),
    [
        (SMOKE, evidence_of(), 1, ("PENDING", AwaitingJobs(missing=("smoke",)), None, ())),
        (SMOKE, evidence_of(report("passed")), 1, ("PASS", JobsPassed(reports=(JobReport(job="smoke"),)), None, (7,))),
        (
            SMOKE,
            evidence_of(report("passed", reason="12 of 12")),
            1,
            ("PASS", JobsPassed(reports=(JobReport(job="smoke", text="12 of 12"),)), None, (7,)),
        ),
        (
            SMOKE,
            evidence_of(report("failed", reason="2 of 12")),
            1,
            ("FAIL", JobsFailed(reports=(JobReport(job="smoke", text="2 of 12"),)), None, (7,)),
        ),
        (
            SMOKE,
            evidence_of(BROKE),
            1,
            ("ERROR", AwaitingJobs(errored=(JobReport(job="smoke", text="no agent"),)), None, (7,)),
        ),
        (
            SMOKE,
            evidence_of(report("errored")),
            1,
            ("ERROR", AwaitingJobs(errored=(JobReport(job="smoke"),)), None, (7,)),
        ),
        (SMOKE_IN_1H, evidence_of(), 59, ("PENDING", AwaitingJobs(missing=("smoke",)), at(60), ())),
        (
            SMOKE_IN_1H,
            evidence_of(),
            60,
            ("FAIL", JobsTimedOut(timeout=timedelta(hours=1), missing=("smoke",)), None, ()),
        ),
        (
            SMOKE_IN_1H,
            evidence_of(BROKE),
            59,
            ("ERROR", AwaitingJobs(errored=(JobReport(job="smoke", text="no agent"),)), at(60), (7,)),
        ),
        (
            SMOKE_IN_1H,
            evidence_of(BROKE),
            60,
            (
                "ERROR",
                ErrorLasts(
                    promotion="smoke",
                    since=at(60),
                    error=AwaitingJobs(errored=(JobReport(job="smoke", text="no agent"),)),
                ),
                None,
                (7,),
            ),
        ),
        (
            SMOKE_IN_1H,
            evidence_of(report("passed", minutes=90)),
            100,
            ("PASS", JobsPassed(reports=(JobReport(job="smoke"),)), None, (7,)),
        ),
        (
            SMOKE,
            evidence_of(report("failed"), RECOVERED),
            3,
            ("PASS", JobsPassed(reports=(JobReport(job="smoke"),)), None, (8,)),
        ),
        (
            SMOKE,
            evidence_of(RECOVERED, report("failed")),
            3,
            ("PASS", JobsPassed(reports=(JobReport(job="smoke"),)), None, (8,)),
        ),
        (
            SMOKE,
            evidence_of(RECOVERED, report("failed", minutes=3)),
            3,
            ("FAIL", JobsFailed(reports=(JobReport(job="smoke"),)), None, (7,)),
        ),
        (
            VerificationPromotion(ident="other"),
            evidence_of(RECOVERED),
            3,
            ("PENDING", AwaitingJobs(missing=("other",)), None, ()),
        ),
    ],
)
def test_a_verification_says(promotion, evidence, minutes, verdict) -> None:
    assert ask(promotion, evidence, minutes) == verdict


@pytest.mark.parametrize(
    ("promotion", "evidence", "verdict"),
    [
        (MANUAL, evidence_of(), ("PENDING", AwaitingApproval(missing=1), None, ())),
        (MANUAL, evidence_of(ALICE), ("PASS", Approved(by=("alice",)), None, (7,))),
        (
            MANUAL,
            evidence_of(word("alice", given=False)),
            ("FAIL", ApprovalRefused(promotion="manual", refusals=(Comment(by="alice"),)), None, (7,)),
        ),
        (
            MANUAL,
            evidence_of(word("alice", given=False, comment="no")),
            ("FAIL", ApprovalRefused(promotion="manual", refusals=(Comment(by="alice", comment="no"),)), None, (7,)),
        ),
        (TWO, evidence_of(), ("PENDING", AwaitingApproval(missing=2), None, ())),
        (TWO, evidence_of(ALICE), ("PENDING", AwaitingApproval(missing=1, approved_by=("alice",)), None, (7,))),
        (
            TWO,
            evidence_of(ALICE, ALICE_LATER),
            ("PENDING", AwaitingApproval(missing=1, approved_by=("alice",)), None, (8,)),
        ),
        (TWO, evidence_of(BOB, ALICE), ("PASS", Approved(by=("alice", "bob")), None, (7, 9))),
        (
            TWO,
            evidence_of(BOB, ALICE, NO),
            ("FAIL", ApprovalRefused(promotion="manual", refusals=(Comment(by="carol"),)), None, (7, 9, 10)),
        ),
        (MANUAL, evidence_of(word("alice", given=False), ALICE_LATER), ("PASS", Approved(by=("alice",)), None, (8,))),
        (MANUAL, evidence_of(ALICE_LATER, word("alice", given=False)), ("PASS", Approved(by=("alice",)), None, (8,))),
        (MANUAL, evidence_of(word("ci")), ("PASS", Approved(by=("ci",)), None, (7,))),
        (
            NOT_THE_AUTHOR,
            evidence_of(word("ci")),
            ("PENDING", AwaitingApproval(missing=1, uncounted=(OWN,)), None, (7,)),
        ),
        (NOT_THE_AUTHOR, evidence_of(word("ci"), BOB), ("PASS", Approved(by=("bob",)), None, (9, 7))),
        (ManualPromotion(ident="other"), evidence_of(ALICE), ("PENDING", AwaitingApproval(missing=1), None, ())),
    ],
)
def test_people_say(promotion, evidence, verdict) -> None:
    assert ask(promotion, evidence, 1) == verdict


@pytest.mark.parametrize(
    ("minutes", "more", "verdict"),
    [
        (0, {}, ("PENDING", Soaking(duration=timedelta(hours=2), until=at(120)), at(120), ())),
        (119, {}, ("PENDING", Soaking(duration=timedelta(hours=2), until=at(120)), at(120), ())),
        (120, {}, ("PASS", Soaked(promotion="soak", duration=timedelta(hours=2)), None, ())),
        (120, {"since": at(30)}, ("PENDING", Soaking(duration=timedelta(hours=2), until=at(150)), at(150), ())),
        (120, {"deployment": NOT_YET}, ("PENDING", SoakNotLive(), None, ())),
    ],
)
def test_a_soak_says(minutes, more, verdict) -> None:
    assert ask(SOAK, evidence_of(), minutes, **more) == verdict


def test_a_timeout_does_not_run_before_the_deployment_does() -> None:
    assert ask(SMOKE_IN_1H, evidence_of(), 600, deployment=NOT_YET) == (
        "PENDING",
        AwaitingJobs(missing=("smoke",)),
        None,
        (),
    )


def test_people_are_asked_once_the_automatic_gates_have_passed_and_a_word_given_before_counts() -> None:
    gates = [MANUAL, SMOKE, SOAK]

    def outcomes(evidence: Evidence, minutes: float) -> list[tuple[str, str]]:
        asked = GateContext(deployment=RUNS, evidence=evidence, now=at(minutes), since=RUNS.gates_count_from)
        return [(str(one.outcome), one.reason) for one in judge(gates, asked)]

    assert outcomes(evidence_of(), 1)[0] == ("PENDING", ApprovalDeferred(unmet=("smoke", "soak")))
    assert outcomes(evidence_of(), 120)[0] == ("PENDING", ApprovalDeferred(unmet=("smoke", "soak")))
    assert outcomes(evidence_of(report("passed")), 240)[0] == ("PENDING", AwaitingApproval(missing=1))
    assert outcomes(evidence_of(word("alice")), 1)[0] == ("PASS", Approved(by=("alice",)))
    assert outcomes(evidence_of(word("alice", given=False)), 1)[0] == (
        "FAIL",
        ApprovalRefused(promotion="manual", refusals=(Comment(by="alice"),)),
    )


def test_a_stage_without_gates_has_nothing_to_say() -> None:
    assert judge([], GateContext(deployment=RUNS, now=at(0))) == ()


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=10), "0.00001s"),
        (timedelta(milliseconds=500), "0.5s"),
        (timedelta(seconds=1.9), "1s"),
        (timedelta(seconds=45), "45s"),
        (timedelta(seconds=60), "1m"),
        (timedelta(hours=2, minutes=30), "2h30m"),
        (timedelta(days=3), "3d"),
        (timedelta(days=1, seconds=1), "1d1s"),
        (timedelta(days=400, hours=1, minutes=1, seconds=1), "400d1h1m1s"),
    ],
)
def test_durations_in_words(duration, words) -> None:
    assert in_words(duration) == words
