"""The way out of a stage: what its exit gates make of the deployments that run there."""

from collections.abc import Sequence

from msgspec.structs import replace

from deploydb.domain.catalog import Promotion
from deploydb.domain.lanes import Lanes
from deploydb.domain.state import Deployment, Outcome, Status, Verdict


def judge_exits(lanes: Lanes, environment: str, promotions: Sequence[Promotion]) -> None:
    """Judge what runs and is not decided for good. One that failed at a gate may be mended by a later report."""
    for known in lanes.lane(environment):
        runs = known.outcome == "succeeded" and known.status in (Status.COMPLETED, Status.FAILED)
        if known.open and runs and known.expired_at is None:
            _judge(lanes, known, lanes.verdicts(promotions, known, since=known.running_since))


def _judge(lanes: Lanes, known: Deployment, verdicts: tuple[Verdict, ...]) -> None:
    failures = [verdict.reason for verdict in verdicts if verdict.outcome is Outcome.FAIL]
    unmet = [verdict.reason for verdict in verdicts if verdict.outcome is not Outcome.PASS]
    if failures:
        reason = "; ".join(failures)
        if (known.result, known.reason) != ("FAILED", reason):
            lanes.settle("failed", replace(known, result="FAILED", reason=reason), reason)
    elif not unmet:
        reason = ", ".join(verdict.reason for verdict in verdicts) or "deployed; no promotion asks for more"
        lanes.settle("succeeded", replace(known, result="SUCCESS", reason=reason, open=False), reason)
    elif known.result == "FAILED":
        reason = "; ".join(unmet)
        lanes.settle("resumed", replace(known, result=None, reason=reason), reason)
    else:
        lanes.explain(known, "; ".join(unmet))
