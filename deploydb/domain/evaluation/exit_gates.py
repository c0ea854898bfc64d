"""The way out of a stage: what its exit gates make of the deployments that run there."""

from collections.abc import Sequence

from msgspec.structs import replace

from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.deployment import (
    Deployment,
    GateStatus,
    Status,
    Verdict,
)
from deploydb.domain.model.gate_reasons import IncidentOpen, IncidentOver
from deploydb.domain.model.promotions import INCIDENT, Promotion
from deploydb.domain.model.reasons import GatesPassed, NoGates, Reason, RolledBack, several

_ROLLBACKS = ("rollback", "full_rollback")


def evaluate_exit_gates(lanes: Evaluation, catalog: Catalog, service: Service) -> None:
    """Evaluate the gates of each stage on what runs there and is not final.

    A later report may turn a failure at a gate. Where the catalog has it, an open incident is a failure, of what had
    succeeded too.
    """
    for stage in catalog.stages(service):
        fails = catalog.fails_on_incident(service, stage.environment)
        _evaluate_stage(lanes, stage.environment, catalog.exit_promotions(service, stage), fail_on_incident=fails)


def _evaluate_stage(
    lanes: Evaluation, environment: str, promotions: Sequence[Promotion], *, fail_on_incident: bool
) -> None:
    for known in lanes.lane(environment):
        runs = known.needs_evaluation and known.outcome == "succeeded" and known.expired_at is None
        if not runs or known.status is Status.SKIPPED or known.failure_response in _ROLLBACKS:
            continue
        trouble = _incident(lanes, known) if fail_on_incident else None
        if known.status is Status.SUCCESS and (trouble is None or trouble.outcome is not GateStatus.FAIL):
            lanes.close(known)
            continue
        # what is put back was verified there before
        asked = promotions if known.kind == "deploy" else ()
        verdicts = lanes.verdicts(asked, known, phase="exit", since=known.gates_count_from)
        _judge(lanes, known, (*verdicts, trouble) if trouble is not None else verdicts)


def _incident(lanes: Evaluation, known: Deployment) -> Verdict | None:
    """What the incidents in the lane say of a deployment. None where there is none, nor was one."""
    troubled = [incident for incident in lanes.evidence(known).incidents if incident.open]
    inputs = tuple(incident.event for incident in troubled if incident.event is not None)
    if troubled:
        reason = IncidentOpen(incidents=tuple(incident.report for incident in troubled))
        verdict = Verdict(promotion=INCIDENT, outcome=GateStatus.FAIL, reason=reason, inputs=inputs)
    elif INCIDENT in lanes.before(known, "exit"):
        verdict = Verdict(promotion=INCIDENT, outcome=GateStatus.PASS, reason=IncidentOver())
    else:
        return None
    lanes.say(known, verdict)
    return verdict


def _judge(lanes: Evaluation, known: Deployment, verdicts: tuple[Verdict, ...]) -> None:
    failures = [verdict.reason for verdict in verdicts if verdict.outcome is GateStatus.FAIL]
    unmet = [verdict.reason for verdict in verdicts if verdict.outcome is not GateStatus.PASS]
    if failures:
        reason = several(failures)
        if (known.result, known.status_reason) != ("FAILED", reason):
            lanes.settle("failed", replace(known, result="FAILED", status_reason=reason), reason)
    elif not unmet:
        reason = _success(known, verdicts)
        lanes.settle(
            "succeeded",
            replace(
                known,
                result="SUCCESS",
                failure_response=None,
                failure_response_detail=None,
                status_reason=reason,
                needs_evaluation=False,
            ),
            reason,
        )
    elif known.result == "FAILED":
        reason = several(unmet)
        lanes.settle(
            "resumed",
            replace(known, result=None, failure_response=None, failure_response_detail=None, status_reason=reason),
            reason,
        )
    else:
        lanes.explain(known, several(unmet))


def _success(known: Deployment, verdicts: Sequence[Verdict]) -> Reason:
    passed = tuple(verdict.reason for verdict in verdicts if verdict.promotion != INCIDENT)
    if passed:
        return GatesPassed(reasons=passed)
    return NoGates() if known.kind == "deploy" else known.status_reason or RolledBack()
