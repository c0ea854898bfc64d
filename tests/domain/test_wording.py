"""The text of each reason. Other tests compare codes and parameters."""

from collections import Counter
from datetime import timedelta
from typing import get_args

import pytest
from msgspec import json

from deploydb.domain.model import admission_reasons as entry
from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model import outcome_reasons as outcome
from deploydb.domain.model import reason_parts as parts
from deploydb.domain.model import reasons as why
from deploydb.domain.model import retry_reasons as retry
from deploydb.domain.model import rollback_reasons as undo
from deploydb.domain.model.reasons import Reason
from deploydb.domain.wording import text
from tests.domain.gate_texts import GATE_TEXTS
from tests.domain.given import at

TEXTS = [
    *GATE_TEXTS,
    (
        entry.Pinned(by="alice", service="foo", environment="prod", version="1.0", comment="audit"),
        "pinned to 1.0 by alice: audit",
    ),
    (entry.Vetoed(by="alice", service="foo", version="3.0", comment="leaks"), "3.0 is vetoed by alice: leaks"),
    (
        entry.Frozen(by="alice", comment="holidays", until=at(33)),
        "everything is frozen by alice: holidays (until 2026-11-22 12:33:00 UTC)",
    ),
    (entry.Paused(by="alice", service="foo", comment="moving house"), "foo is paused by alice: moving house"),
    (entry.FreezeOver(), "the freeze is over"),
    (
        entry.FreezeOverridden(
            freezes=(entry.Frozen(by="al", environment="prod"),), by=(parts.Comment(by="sue", comment="down"),)
        ),
        "prod is frozen by al; overridden by sue: down",
    ),
    (entry.StageAddedLater(environment="gate"), "gate became a stage after this flow had begun"),
    (entry.StageRemoved(environment="staging", service="foo"), "staging is not a stage of foo"),
    (entry.ModuleRemoved(module="com.example:bar", service="foo"), "com.example:bar is not an artifact of foo"),
    (
        entry.BranchElsewhere(pipeline="main", branches=("1.10.*", "!1.10.0", "1.11.*"), version="1.9.9"),
        "main takes 1.10.*, 1.11.* but not 1.10.0, not 1.9.9",
    ),
    (
        entry.NoPipeline(
            service="foo",
            version="1.9.9",
            pipelines=(
                parts.PipelineBranches(pipeline="main", branches=("! 1.9.*", "!1.8.*")),
                parts.PipelineBranches(pipeline="maintenance", branches=("1.7.*",)),
            ),
        ),
        "no pipeline of foo takes 1.9.9: main takes all but 1.9.*, 1.8.*; maintenance takes 1.7.*",
    ),
    (
        entry.SkippedByHotfix(hotfix=parts.Comment(by="sue", comment="prod is down")),
        "skipped: a hotfix, by sue: prod is down",
    ),
    (entry.Superseded(version="1.3", higher=False), "superseded by 1.3, published later"),
    (entry.NewerIsLive(environment="dev", version="2.0", higher=True), "dev runs 2.0, a higher version"),
    (entry.InLine(), "waits in line"),
    (entry.InLineBehind(version="2", ahead=3), "waits in line behind 2, as number 4"),
    (
        entry.BehindHotfix(version="2.1", hotfix=parts.Comment(by="sue", comment="down")),
        "waits for 2.1, a hotfix, by sue: down",
    ),
    (
        entry.BehindPromotion(version="1.0", promotion=parts.Comment(by="al", comment="fire")),
        "waits for 1.0, promoted by al: fire",
    ),
    (
        entry.BehindOrder(version="1.0", order=parts.Comment(by="sue", comment="the disk is empty")),
        "waits for 1.0, attempted again by sue: the disk is empty",
    ),
    (entry.RollbackFirst(), "a rollback goes first"),
    (entry.BeingDeployed(version="1.0", deployment=3), "1.0 is being deployed (deployment 3)"),
    (entry.BeingVerified(version="1.0", deployment=3), "1.0 is being verified (deployment 3)"),
    (entry.NotBefore(attempt=2, at=at(19)), "attempt 2 is made from 2026-11-22 12:19:00 UTC on"),
    (entry.GroupFull(busy=("eu",), most=1, environments=("eu", "us", "ap")), "waits for eu: 1 of eu, us, ap at a time"),
    (
        why.Several(reasons=(gate.ApprovalDeferred(unmet=("smoke",)), gate.AwaitingJobs(missing=("smoke",)))),
        "people are asked once smoke passed; waits for smoke to report",
    ),
    (why.NotRecorded(), "its reason at that time was not recorded"),
    (why.NotAsked(), "not asked yet"),
    (why.Reported(text="any words"), "any words"),
    (
        why.ReportedElsewhere(what="smoke", field="environment", reported="Dev", expected="dev", source="ci"),
        "smoke reported for Dev; this environment is dev",
    ),
    (
        why.ErrorLasts(promotion="up", since=at(0), error=gate.CheckUnanswered(promotion="up", text="timed out")),
        "up has no answer yet: timed out; it is asked again; no answer since 2026-11-22 12:00:00 UTC: it blocks until "
        "it answers, or a person answers for it",
    ),
    (
        why.ErrorResolved(
            promotion="up",
            passed=True,
            error=gate.CheckUnanswered(promotion="up"),
            by=(parts.Comment(by="sue", comment="seen"),),
        ),
        "up has no answer yet; it is asked again; counted as passed by sue: seen",
    ),
    (why.AwaitingStages(environments=("dev",), all=True), "waits for dev"),
    (
        why.SkippedUpstream(environment="dev", reason=entry.Superseded(version="1.3", higher=False)),
        "skipped in dev: superseded by 1.3, published later",
    ),
    (
        why.FailedUpstream(environment="dev", reason=outcome.AttemptFailed()),
        "failed in dev: its orchestrator gave no reason",
    ),
    (why.ReplacedUpstream(environment="dev", reason=outcome.Replaced(version="1.1")), "replaced by 1.1 in dev"),
    (
        why.UpstreamRestored(environment="dev", reason=outcome.FinishedInTime(at=at(1))),
        "dev did not fail: finished by its deadline, at 2026-11-22 12:01:00 UTC; the report came after it",
    ),
    (
        why.FailedBeside(version="1.0", environment="us", reason=outcome.AttemptFailed(text="no disk")),
        "1.0 failed in us: no disk",
    ),
    (why.TakenBackBeside(version="1.0", environment="us"), "1.0 was rolled back in us"),
    (
        why.BundleWaits(module="a:ui", version="1.0", reason=why.AwaitingStages(environments=("dev",), all=True)),
        "waits for a:ui 1.0, of the same commit: waits for dev",
    ),
    (
        why.BundleFailed(module="a:ui", version="1.0", reason=outcome.AttemptFailed(text="no disk")),
        "a:ui 1.0, of the same commit, has failed: no disk",
    ),
    (why.BundleFirst(module="a:ui", version="1.0"), "a:ui 1.0 goes first, of a commit that is partly there"),
    (why.Admitted(published_by="ci"), "published by ci"),
    (outcome.Observed(source="cd", by="al", text="by hand"), "observed, by al: by hand"),
    (outcome.FinishedWithoutCommand(), "finished without a command of ours"),
    (outcome.AttemptFailed(text="no disk"), "no disk"),
    (
        outcome.Expired(deadline=at(60), started=True),
        "started and did not finish by its deadline 2026-11-22 13:00:00 UTC",
    ),
    (
        why.FinishedLate(expired=outcome.Expired(deadline=at(60), started=False)),
        "did not start by its deadline 2026-11-22 13:00:00 UTC; it finished later",
    ),
    (
        outcome.DeadlineExtended(started=at(1), deadline=at(60)),
        "started at 2026-11-22 12:01:00 UTC: its deadline is 2026-11-22 13:00:00 UTC now",
    ),
    (outcome.AttemptObsolete(deployment=7), "not needed: deployment 7 has finished after all"),
    (
        outcome.DeadlineDropped(environment="dev"),
        "dev has no deadline now: it may take as long as it takes",
    ),
    (
        why.ReturnedLate(version="1.1", previous="1.0"),
        "1.1 finished after its deadline, in place of 1.0: roll it back, or retry it",
    ),
    (
        outcome.FinishedInTime(at=at(1)),
        "finished by its deadline, at 2026-11-22 12:01:00 UTC; the report came after it",
    ),
    (
        outcome.SucceededAfterAll(at=at(1)),
        "deployed after all, by a report of 2026-11-22 12:01:00 UTC; an earlier one was of a failure",
    ),
    (
        outcome.ExpiryDeferred(deadline=at(60)),
        "expiry waits: ingest has not read past 2026-11-22 13:00:00 UTC, its deadline",
    ),
    (outcome.Replaced(version="2.0"), "replaced by 2.0"),
    (outcome.LiveLate(), "another version runs by now"),
    (
        why.GatesPassed(
            reasons=(gate.Approved(by=("al",)), gate.Soaked(promotion="soak", duration=timedelta(minutes=5)))
        ),
        "approved by al, soak 5m met",
    ),
    (outcome.NoGates(), "deployed; nothing else to pass"),
    (outcome.RolledBack(), "put back"),
    (
        why.Followed(failure=outcome.AttemptFailed(text="no disk"), response=undo.NoRollbackTarget()),
        "no disk; nothing to roll back to: no other version has succeeded here",
    ),
    (
        why.RetryScheduled(at=at(5), attempt=2, attempts=3),
        "tried again from 2026-11-22 12:05:00 UTC on, attempt 2 of 3",
    ),
    (why.Retried(attempt=2, deployment=7), "tried again, attempt 2 (deployment 7)"),
    (
        why.RetryOf(attempt=2, attempts=3, failure=outcome.AttemptFailed()),
        "attempt 2 of 3, after: its orchestrator gave no reason",
    ),
    (
        why.RetryRefused(version="1.0", environment="prod", obstacle=retry.NoAttempt()),
        "1.0 is not attempted again in prod: no deployment of it is known there",
    ),
    (
        why.AlreadyWaiting(deployment=7, reason=why.NotAsked()),
        "deployment 7 waits there already: not asked yet",
    ),
    (
        why.UpstreamRetried(environment="dev", reason=retry.RetryOrdered(attempt=2, order=parts.Comment(by="sue"))),
        "dev is attempted again: attempt 2, by sue",
    ),
    (
        retry.RetryOrdered(attempt=2, order=parts.Comment(by="sue", comment="the disk is empty"), skip=("smoke",)),
        "attempt 2, without smoke, by sue: the disk is empty",
    ),
    (
        retry.RetryForPin(attempt=2, pin=entry.Pinned(by="sue", version="1.0", comment="audit")),
        "attempt 2: pinned to 1.0 by sue: audit",
    ),
    (
        retry.RetryForPromotion(attempt=2, promotion=parts.Comment(by="sue", comment="it must go")),
        "attempt 2: promoted by sue: it must go",
    ),
    (
        retry.GateSkipped(promotion="smoke", order=parts.Comment(by="sue", comment="it is known")),
        "smoke is skipped, by sue: it is known",
    ),
    (
        retry.NoAttempt(modules=("com.example:a", "com.example:b")),
        "com.example:a and com.example:b have this version: name one of them",
    ),
    (
        retry.UnknownGates(names=("smok",), known=("smoke", "soak")),
        "no promotion smok is asked there; there is smoke, soak",
    ),
    (undo.RollbackFinal(), "a rollback is never rolled back"),
    (undo.FailureIgnored(), "ignored, as configured"),
    (undo.RollingBack(version="2.0"), "rolled back to 2.0"),
    (undo.RollbackUnderWay(version="1.3", deployment=7), "a rollback to 1.3 is under way already (deployment 7)"),
    (
        undo.NoRollbackTarget(version="0.1"),
        "nothing to roll back to: no other version has succeeded here (0.1 was asked for)",
    ),
    (undo.NothingLive(environment="prod"), "nothing runs in prod that could be rolled back"),
    (
        undo.OtherRuns(environment="prod", version="1.0", running="1.1", live_at=at(8)),
        "prod runs 1.1 since 2026-11-22 12:08:00 UTC, not 1.0: nothing is rolled back",
    ),
    (
        why.RollbackOf(version="3.0", target="2.0", deployed_at=at(8), failure=outcome.AttemptFailed(text="no disk")),
        "rollback from 3.0: no disk; 2.0 succeeded there, deployed 2026-11-22 12:08:00 UTC",
    ),
    (
        why.RollbackWaits(rollback=why.NotRecorded(), awaits=(entry.Frozen(by="al", environment="prod"),)),
        "its reason at that time was not recorded; it waits: prod is frozen by al",
    ),
    (why.NewestPublished(), "it is the newest that has been published"),
    (why.SucceededUpstream(environment="dev"), "dev runs it with success"),
    (
        why.PutByHand(version="0.9", expected=why.NewestPublished()),
        "it is the newest that has been published; 0.9 was put there by hand",
    ),
    (
        why.CircularWait(
            waits=(
                parts.LaneWait(service="foo", environment="dev", awaited="bar", awaited_in="prod", promotion="needs"),
                parts.LaneWait(service="bar", environment="prod", awaited="bar", awaited_in="dev"),
            )
        ),
        "a circle: foo in dev waits for bar in prod (needs); bar comes to prod after dev",
    ),
    (
        why.ConfigurationChanged(host="h", digest="0123456789abcdef", differences=("a", "b")),
        "a; b (digest 0123456789ab, on h)",
    ),
]


@pytest.mark.parametrize(("reason", "expected"), TEXTS, ids=[type(reason).__name__ for reason, _ in TEXTS])
def test_a_reason_has_this_text(reason: Reason, expected: str) -> None:
    assert text(reason) == expected


@pytest.mark.parametrize("reason", [reason for reason, _ in TEXTS], ids=lambda reason: type(reason).__name__)
def test_a_reason_survives_json(reason: Reason) -> None:
    assert json.decode(json.encode(reason), type=Reason) == reason


def test_each_code_is_in_the_table() -> None:
    assert Counter(type(reason) for reason, _ in TEXTS) == Counter(get_args(Reason))


def test_a_command_names_the_person_who_promoted_it_and_the_stages_that_it_passed_by() -> None:
    reason = why.Admitted(published_by="ci", promotion=parts.Comment(by="al", comment="fire"), skip=("dev", "qa"))
    assert text(reason) == "published by ci; promoted by al (past dev, qa): fire"


def test_a_rollback_without_a_target_names_those_that_it_passed_over() -> None:
    expected = "nothing to roll back to: 1.2, 1.1 had been rolled back; name one of them to put it back"
    assert text(undo.NoRollbackTarget(rolled_back=("1.2", "1.1"))) == expected
    both = text(undo.NoRollbackTarget(rolled_back=("1.2",), failed=("1.1", "1.0")))
    assert "1.2 had been rolled back and 1.1, 1.0 failed here later; name one" in both
