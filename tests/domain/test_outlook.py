"""The outlook of a deployment, by its status and the reason of it."""

import pytest

from deploydb.domain.model import outcome_reasons as outcome
from deploydb.domain.model import reasons as why
from deploydb.domain.model.admission_reasons import BeingVerified, Frozen
from deploydb.domain.outlook import outlook

FAILED = (why.StageReason(environment="dev", reason=outcome.AttemptFailed()),)
FROZEN = Frozen(by="alice", environment="prod")
BEING_VERIFIED = BeingVerified(version="1.0", deployment=1)


@pytest.mark.parametrize(
    ("status", "reason", "verdict"),
    [
        ("SUCCESS", outcome.NoGates(), None),
        ("CREATED", None, None),
        ("FAILED", outcome.AttemptFailed(), "failed"),
        ("SKIPPED", why.NotRecorded(), "will not come"),
        ("NOT_STARTED", None, None),
        ("NOT_STARTED", BEING_VERIFIED, None),
        ("NOT_STARTED", FROZEN, "held"),
        ("NOT_STARTED", why.Several(reasons=(FROZEN, BEING_VERIFIED)), "held"),
        ("NOT_STARTED", why.AwaitingStages(environments=("dev",), all=True, failed=FAILED), "will not come"),
        ("NOT_STARTED", why.AwaitingStages(environments=("dev", "qa"), all=False, failed=FAILED), None),
        ("NOT_STARTED", why.TakenBackBeside(version="1.0", environment="eu"), "will not come"),
        (
            "NOT_STARTED",
            why.FailedBeside(version="1.0", environment="eu", reason=outcome.AttemptFailed()),
            "will not come",
        ),
    ],
)
def test_the_verdict_follows_from_status_and_reason(
    status: str, reason: why.Reason | None, verdict: str | None
) -> None:
    found = outlook("prod", status, reason)
    assert (found.verdict if found is not None else None) == verdict
