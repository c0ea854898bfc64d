"""Reasons in a few words, as lists have them."""

from datetime import timedelta

import pytest

from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model import outcome_reasons as outcome
from deploydb.domain.model import reason_parts as parts
from deploydb.domain.model import reasons as why
from deploydb.domain.model.reason_parts import ReasonCase
from deploydb.domain.short_wording import short
from deploydb.domain.wording import text
from tests.domain.test_wording import TEXTS

PASSED = why.GatesPassed(
    reasons=(
        gate.JobsPassed(reports=(parts.JobReport(job="smoke", text="42 checks"),)),
        gate.Soaked(promotion="soak", duration=timedelta(hours=2)),
        gate.Approved(by=("ann", "bob")),
    )
)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (PASSED, "smoke passed · soak 2h · approved by ann and bob"),
        (gate.Approved(by=("ann", "bob", "carol")), "approved by 3 people"),
        (why.Admitted(promoted_from=(why.StageReason(environment="staging", reason=PASSED),)), "promoted from staging"),
        (why.Admitted(published_by="ci", attempt=2), "attempt 2 · published by ci"),
        (why.Admitted(promotion=parts.Comment(by="ann", comment="now"), published_by="ci"), "promoted by ann"),
        (gate.AwaitingApproval(missing=2, groups=("sre",)), "waits for 2 approvals of sre"),
        (
            outcome.AttemptFailed(text="exit code 1: Pulling\nlayer 1\nERROR: disk full\n"),
            "exit code 1: Pulling … ERROR: disk full",
        ),
        (outcome.AttemptFailed(text=f"{'a ' * 99}\nERROR: full\n"), f"{'a ' * 38}a … ERROR: full"),
        (outcome.AttemptFailed(text=f"error: {'x' * 300}"), f"error: {'x' * 152}…"),
        (outcome.AttemptFailed(text=" \n"), "its orchestrator gave no reason"),
        (gate.JobsPassed(reports=(parts.JobReport(job="smoke"),) * 20), f"{'smoke passed, ' * 10}smoke passed,…"),
        (outcome.AttemptFailed(text=f"disk {'very ' * 40}full"), f"disk {'very ' * 29}very…"),
        (outcome.AttemptFailed(), "its orchestrator gave no reason"),
        (why.FailedUpstream(environment="dev", reason=outcome.AttemptFailed(text="no")), "failed in dev"),
    ],
    ids=str,
)
def test_a_reason_in_a_few_words(reason: ReasonCase, expected: str) -> None:
    assert short(reason) == expected


@pytest.mark.parametrize("reason", [reason for reason, _ in TEXTS], ids=[type(reason).__name__ for reason, _ in TEXTS])
def test_every_reason_has_a_few_words_on_one_line(reason: ReasonCase) -> None:
    assert 0 < len(short(reason)) <= 160
    assert "\n" not in short(reason)


def test_a_programs_lines_stand_beside_each_other_in_a_sentence() -> None:
    failed = why.FailedUpstream(environment="dev", reason=outcome.AttemptFailed(text="disk full\r\n  at line 3\n"))
    assert text(failed) == "failed in dev: disk full at line 3"
