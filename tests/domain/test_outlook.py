"""The outlook of a deployment, by its status and the reason of it."""

import pytest

from deploydb.domain.model import gate_reasons as gate
from deploydb.domain.model import outcome_reasons as outcome
from deploydb.domain.model import reasons as why
from deploydb.domain.model.admission_reasons import BeingVerified, Frozen
from deploydb.domain.outlook import outlook

FAILED = (why.StageReason(environment="dev", reason=outcome.AttemptFailed()),)
FROZEN = Frozen(by="alice", environment="prod")
NEVER = why.AwaitingStages(environments=("dev",), all=True, failed=FAILED)
BEING_VERIFIED = BeingVerified(version="1.0", deployment=1)


def beside(reason: why.Reason) -> why.Reason:
    return why.BundleWaits(module="com.example:bar", version="1.0", reason=reason)


def resolved(*, passed: bool) -> why.Reason:
    return why.ErrorResolved(promotion="hook", passed=passed, error=why.NotRecorded())


@pytest.mark.parametrize(
    ("status", "reason", "prospect"),
    [
        ("SUCCESS", outcome.NoGates(), None),
        ("CREATED", None, None),
        ("FAILED", outcome.AttemptFailed(), "failed"),
        ("SKIPPED", why.NotRecorded(), "will not come"),
        ("NOT_STARTED", None, None),
        ("NOT_STARTED", BEING_VERIFIED, None),
        ("NOT_STARTED", FROZEN, "held"),
        ("NOT_STARTED", why.Several(reasons=(FROZEN, BEING_VERIFIED)), "held"),
        ("NOT_STARTED", NEVER, "will not come"),
        ("NOT_STARTED", why.AwaitingStages(environments=("dev", "qa"), all=False, failed=FAILED), None),
        ("NOT_STARTED", why.TakenBackBeside(version="1.0", environment="eu"), "will not come"),
        (
            "NOT_STARTED",
            why.FailedBeside(version="1.0", environment="eu", reason=outcome.AttemptFailed()),
            "will not come",
        ),
        ("NOT_STARTED", beside(NEVER), "will not come"),
        ("NOT_STARTED", why.Several(reasons=(FROZEN, beside(NEVER))), "will not come"),
        ("NOT_STARTED", beside(FROZEN), "held"),
        ("NOT_STARTED", beside(BEING_VERIFIED), None),
        ("NOT_STARTED", gate.DigestMissing(promotion="slsa"), "will not come"),
        ("NOT_STARTED", resolved(passed=False), "will not come"),
        ("NOT_STARTED", resolved(passed=True), None),
        ("NOT_STARTED", why.RollbackWaits(rollback=why.NotRecorded(), awaits=(FROZEN,)), "held"),
        ("NOT_STARTED", why.RollbackWaits(rollback=why.NotRecorded(), awaits=(BEING_VERIFIED,)), None),
    ],
)
def test_the_prospect_follows_from_status_and_reason(
    status: str, reason: why.Reason | None, prospect: str | None
) -> None:
    found = outlook("prod", status, reason)
    assert (found.prospect if found is not None else None) == prospect
