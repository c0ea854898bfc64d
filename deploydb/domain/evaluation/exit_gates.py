"""The way out of a stage: what its exit gates make of the deployments that run there."""

from collections.abc import Sequence

from deploydb.domain.evaluation.evaluation import NO_RESPONSE, Evaluation
from deploydb.domain.evaluation.flow_progress import stage_reason
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.evaluation.live_clock import clocks_count_from
from deploydb.domain.evaluation.parallel_groups import ROLLBACKS, ParallelGroups
from deploydb.domain.gates import Promotion
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.deployment import Deployment, GateStatus, Status, Verdict
from deploydb.domain.model.gate_reasons import IncidentOpen, IncidentOver
from deploydb.domain.model.outcome_reasons import NoGates, RolledBack
from deploydb.domain.model.promotions import INCIDENT
from deploydb.domain.model.reasons import FailedBeside, GatesPassed, Reason, several


def evaluate_exit_gates(evaluation: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
    """Evaluate the gates of each stage on what runs there and is not final.

    A later report may turn a failure at a gate. Where the catalog has it, an open incident is a failure, of what had
    succeeded too. People are not asked about a vetoed version.
    """
    groups = ParallelGroups(evaluation, catalog, service, holds)
    for stage in catalog.stages(service):
        for deployment in evaluation.lane(stage.environment):
            _fail_together(evaluation, groups, deployment)
        fails = catalog.fails_on_incident(service, stage.environment)
        promotions = catalog.exit_promotions(service, stage)
        _evaluate_stage(evaluation, groups, holds, stage.environment, promotions, fail_on_incident=fails)


def _fail_together(evaluation: Evaluation, groups: ParallelGroups, deployment: Deployment) -> None:
    """What runs in a lane that is bound to others fails with a final failure of its release there, unless another
    attempt has taken its place already."""
    ran, outcome = evaluation.runs(deployment), deployment.outcome
    if ran is None or ran.deployment != deployment.id or outcome != "succeeded" or deployment.kind != "deploy":
        return
    if deployment.replaced_at is not None:
        return
    failed = groups.failed_together(deployment) if deployment.status is not Status.FAILED else None
    if failed is not None:
        beside, version = stage_reason(failed), deployment.release.artifact.version
        reason = FailedBeside(version=version, environment=beside.environment, reason=beside.reason)
        failure = {"result": "FAILED", "status_reason": reason, "needs_evaluation": True}
        evaluation.settle("failed", deployment, reason, **failure)


def _evaluate_stage(
    evaluation: Evaluation,
    groups: ParallelGroups,
    holds: Holds,
    environment: str,
    promotions: Sequence[Promotion],
    *,
    fail_on_incident: bool,
) -> None:
    for deployment in evaluation.lane(environment):
        runs = deployment.needs_evaluation and deployment.outcome == "succeeded" and deployment.expired_at is None
        if not runs or deployment.status is Status.SKIPPED or deployment.failure_response in ROLLBACKS:
            continue
        if deployment.status is Status.FAILED and groups.failed_together(deployment) is not None:
            continue
        trouble = _incident(evaluation, deployment) if fail_on_incident else None
        if deployment.status is Status.SUCCESS and (trouble is None or trouble.outcome is not GateStatus.FAIL):
            evaluation.close(deployment)
            continue
        # what is put back was verified there before
        asked = promotions if deployment.kind == "deploy" else ()
        since, veto = clocks_count_from(evaluation, deployment), holds.veto_on(deployment)
        verdicts = evaluation.verdicts(asked, deployment, phase="exit", since=since, veto=veto)
        _judge(evaluation, deployment, (*verdicts, trouble) if trouble is not None else verdicts)


def _incident(evaluation: Evaluation, deployment: Deployment) -> Verdict | None:
    """What the incidents in the lane say of a deployment. None where there is none, nor was one."""
    troubled = [incident for incident in evaluation.evidence(deployment).incidents if incident.open]
    inputs = tuple(incident.event for incident in troubled if incident.event is not None)
    if troubled:
        reason = IncidentOpen(incidents=tuple(incident.report for incident in troubled))
        verdict = Verdict(promotion=INCIDENT, outcome=GateStatus.FAIL, reason=reason, inputs=inputs)
    elif INCIDENT in evaluation.before(deployment, "exit"):
        verdict = Verdict(promotion=INCIDENT, outcome=GateStatus.PASS, reason=IncidentOver())
    else:
        return None
    evaluation.say(deployment, verdict)
    return verdict


def _judge(evaluation: Evaluation, deployment: Deployment, verdicts: tuple[Verdict, ...]) -> None:
    failures = [verdict.reason for verdict in verdicts if verdict.outcome is GateStatus.FAIL]
    unmet = [verdict.reason for verdict in verdicts if verdict.outcome is not GateStatus.PASS]
    if failures:
        reason = several(failures)
        if (deployment.result, deployment.status_reason) != ("FAILED", reason):
            evaluation.settle("failed", deployment, reason, result="FAILED", status_reason=reason)
    elif not unmet:
        reason = _success(deployment, verdicts)
        succeeded = {"result": "SUCCESS", "status_reason": reason, "needs_evaluation": False}
        evaluation.settle("succeeded", deployment, reason, **succeeded, **NO_RESPONSE)
    elif deployment.result == "FAILED":
        reason = several(unmet)
        evaluation.settle("resumed", deployment, reason, result=None, status_reason=reason, **NO_RESPONSE)
    else:
        evaluation.explain(deployment, several(unmet))


def _success(deployment: Deployment, verdicts: Sequence[Verdict]) -> Reason:
    passed = tuple(verdict.reason for verdict in verdicts if verdict.promotion != INCIDENT)
    if passed:
        return GatesPassed(reasons=passed)
    return NoGates() if deployment.kind == "deploy" else deployment.status_reason or RolledBack()
