"""What follows a failure: another attempt, a rollback, or people who look; and the rollbacks that people want.

A failure counts once no retry is left. A rollback puts a release back that succeeded there before. It is a deployment
of its own, is never rolled back itself, and takes no vetoed version.
"""

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from deploydb.domain.evaluation.bundles import in_bundle
from deploydb.domain.evaluation.decisions import AttemptScheduled
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.evaluation.lanes import is_obsolete
from deploydb.domain.evaluation.overtaken_rollback import overtaken_rollback
from deploydb.domain.evaluation.parallel_groups import ParallelGroups
from deploydb.domain.model import reasons, rollback_reasons
from deploydb.domain.model.admission_reasons import Held
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.deployment import Deployment, FailureResponse, Release, Status
from deploydb.domain.model.overrides import RollbackRequest
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import Reason
from deploydb.domain.model.running import CurrentVersion, KnownGood


def apply_failure_policy(evaluation: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
    """Resolve requests of rollbacks, and respond to each failure that has had no response yet: to that of a rollback
    first, since none other is made where it is tried again."""
    failures = FailurePolicy(evaluation, catalog, service, holds)
    for stage in catalog.stages(service):
        failures.follow(stage, kinds=("rollback",))
    for request in sorted(evaluation.wishes, key=lambda request: request.at):
        failures.grant(request)
    for stage in catalog.stages(service):
        failures.follow(stage, kinds=("deploy",))


class FailurePolicy:
    """A service's failures and rollbacks."""

    def __init__(self, evaluation: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
        self._evaluation = evaluation
        self._catalog = catalog
        self._service = service
        self._holds = holds
        self._taken_back: set[tuple[str, str]] = set()
        self._groups = ParallelGroups(evaluation, catalog, service, holds)

    def follow(self, stage: Stage, kinds: Collection[str]) -> None:
        """Respond to each failure of such deployments in a stage that has had no response yet."""
        for deployment in self._evaluation.lane(stage.environment):
            decided = deployment.replaced_at is not None or deployment.failure_response is not None
            undecided = deployment.needs_evaluation and not decided and deployment.kind in kinds
            if undecided and deployment.status is Status.FAILED:
                self._follow(stage, deployment)

    def _follow(self, stage: Stage, deployment: Deployment) -> None:
        lane, failure = self._evaluation.lane(stage.environment), deployment.status_reason or reasons.NotRecorded()
        attempted = deployment.result is None  # the attempt itself failed; a failed gate is no reason for a retry
        again = next((one for one in lane if one.cause == deployment.id and one.kind == deployment.kind), None)
        ended = again is not None and again.status is Status.SKIPPED and not is_obsolete(again)  # by a rollback
        if again is not None and not ended and (attempted or not is_obsolete(again)):
            # it had failed before, and succeeded by a report that was taken back
            retried = reasons.Retried(attempt=again.attempt, deployment=again.id)
            self._retry(deployment, reasons.Followed(failure=failure, response=retried), retried)
            if is_obsolete(again):
                needed = {"skipped_at": None, "status_reason": failure, "needs_evaluation": True}
                self._evaluation.settle("resumed", again, failure, **needed)
            return
        retry = self._catalog.retry(self._service, deployment.environment)
        before = deployment.ordered.attempt - 1 if deployment.ordered is not None else 0  # a person's are counted anew
        if attempted and not ended and deployment.attempt - before <= retry.retries:
            due = self._evaluation.now + retry.backoff * 2 ** (deployment.attempt - before - 1)
            attempt, attempts = deployment.attempt + 1, before + retry.retries + 1
            reason = reasons.RetryOf(attempt=attempt, attempts=attempts, failure=failure)
            scheduled = reasons.RetryScheduled(at=due, attempt=attempt, attempts=attempts)
            self._retry(deployment, reason, scheduled)
            asked = [promotion.ident for promotion in self._catalog.exit_promotions(self._service, stage)]
            ordered = deployment.ordered
            next_one = AttemptScheduled.after(deployment, reason, asked, not_before=due, ordered=ordered)
            self._evaluation.attempt(next_one)
            if deployment.kind == "rollback":
                self._taken_back.add((deployment.environment, deployment.release.artifact.module))
            return
        beside = self._groups.failed_together(deployment)
        decides = beside.environment if beside is not None else deployment.environment
        strategy = self._catalog.failure_strategy(self._service, decides)
        if deployment.kind == "rollback":
            self._count(deployment, "stop", rollback_reasons.RollbackFinal())
        elif strategy == "stop":
            self._count(deployment, "stop", None)
        elif strategy == "ignore":
            self._count(replace(deployment, needs_evaluation=False), "ignore", rollback_reasons.FailureIgnored())
        else:
            self._roll_back(deployment, strategy)

    def _retry(self, deployment: Deployment, reason: Reason, detail: Reason) -> None:
        response = {"failure_response": "retry", "failure_response_detail": detail}
        self._evaluation.settle("closed", deployment, reason, **response, needs_evaluation=False)

    def _roll_back(self, deployment: Deployment, strategy: FailureResponse) -> None:
        good = self._evaluation.good(deployment.environment, deployment.release.artifact.module)
        if good is None:
            return
        if strategy == "full_rollback":
            good = [one for one in good if one.completed]
        target, obstacle = self.target(good, deployment.environment, deployment.release)
        if target is None:
            self._count(deployment, "stop", obstacle)
        else:
            self._count(deployment, strategy, rollback_reasons.RollingBack(version=target.release.artifact.version))
            reason = _rollback_of(deployment.release, target, failure=deployment.status_reason)
            self._take_back(target, deployment.environment, reason, cause=deployment.id)
        completed = strategy == "full_rollback"
        self._take_back_bundle(
            deployment.environment, deployment.release, completed=completed, failure=deployment.status_reason
        )

    def _take_back_bundle(
        self,
        environment: str,
        away: Release,
        *,
        completed: bool = False,
        failure: Reason | None = None,
        request: RollbackRequest | None = None,
    ) -> None:
        """Put back what ran before the other releases of the bundle of one that goes away, where they run.

        `completed`: of what got through the whole pipeline. `request`: the person's, whose version is put back of each
        module that it succeeded of.
        """
        for (where, module), ran in list(self._evaluation.running.items()):
            if where != environment or not in_bundle(self._service, away, ran.release):
                continue
            good = [one for one in self._evaluation.good(environment, module) or () if one.completed or not completed]
            named = [one for one in good if request is not None and one.release.artifact.version == request.version]
            target, _ = self.target(named or good, environment, ran.release, named=bool(named))
            if target is not None:
                words = Comment(by=request.by, comment=request.reason) if request is not None else None
                reason = _rollback_of(ran.release, target, failure=failure, requested=words)
                event = request.event if request is not None else None
                self._take_back(target, environment, reason, cause=ran.deployment, request=event)

    def _take_back(
        self, target: KnownGood, environment: str, reason: reasons.RollbackOf, cause: int, request: int | None = None
    ) -> None:
        """As `_put_back`, where no rollback of the module is under way already."""
        module = target.release.artifact.module
        under_way = {one.release.artifact.module for one in self._rollbacks(environment)}
        if module not in under_way and (environment, module) not in self._taken_back:
            self._put_back(target, environment, reason, cause=cause, request=request)

    def _rollbacks(self, environment: str) -> list[Deployment]:
        """Those that wait, and still would be made, or are being deployed there."""
        rollbacks = [one for one in self._evaluation.lane(environment) if one.kind == "rollback"]
        waiting = (one for one in rollbacks if one.status is Status.NOT_STARTED)
        coming = {one.id for one in waiting if overtaken_rollback(self._evaluation, one) is None}
        return [one for one in rollbacks if one.active or one.id in coming]

    def target(
        self, good: Sequence[KnownGood], environment: str, away: Release, *, named: bool = False
    ) -> tuple[KnownGood | None, rollback_reasons.NoRollbackTarget]:
        """The release to put back in the place of another, of those that succeeded there, newest first; else why there
        is none. What was rolled back from, or has failed there since, is passed over, unless a person has `named` the
        version."""
        passed_over: list[Held] = []
        rolled_back: list[str] = []
        failed: list[str] = []
        for one in good:
            version = one.release.artifact.version
            if one.release.id == away.id:
                continue
            veto = self._holds.veto(environment, version)
            pins = self._holds.pins(environment, version)
            if veto is not None:
                passed_over.append(veto.held)
            elif pins:
                passed_over += [pin.held for pin in pins]
            elif one.rolled_back and not named:
                rolled_back.append(version)
            elif self._has_failed(one, environment) and not named:
                failed.append(version)
            else:
                return one, rollback_reasons.NoRollbackTarget()
        held = tuple(dict.fromkeys(passed_over))
        return None, rollback_reasons.NoRollbackTarget(holds=held, rolled_back=tuple(rolled_back), failed=tuple(failed))

    def _has_failed(self, good: KnownGood, environment: str) -> bool:
        """Whether it failed there after its success, or would: an incident of its is open."""
        known = environment in self._catalog.environments
        fails = good.in_trouble and known and self._catalog.fails_on_incident(self._service, environment)
        return good.failed or fails

    def _count(self, deployment: Deployment, response: FailureResponse, detail: Reason | None) -> None:
        failure = deployment.status_reason or reasons.NotRecorded()
        counted = replace(deployment, failure_response=response, failure_response_detail=detail)
        reason = reasons.Followed(failure=failure, response=detail) if detail is not None else failure
        self._evaluation.count_failure(counted, response, reason)
        if self._groups.bound(deployment.environment):
            self._evaluation.evaluate_again()  # the lanes that go together with it

    def grant(self, request: RollbackRequest) -> None:
        """Schedule the rollback that a person requested, or resolve the request with the obstacle. What is of its
        bundle goes with a release, unless the person has named the module."""
        runs = [
            ran
            for (environment, module), ran in self._evaluation.running.items()
            if environment == request.environment and request.module in (None, module)
        ]
        if not runs:
            self._evaluation.answer(request, rollback_reasons.NothingLive(environment=request.environment))
            return
        meant = [ran for ran in runs if ran.release.artifact.version == request.from_version]
        away = max(meant or runs, key=lambda ran: ran.live_at)
        if request.from_version is not None and not meant:
            self._evaluation.answer(request, _other_runs(request.environment, request.from_version, away))
            return
        asked_at = min(request.at.time, request.recorded_at)  # the clock of who asked may be ahead
        if request.from_version is None and away.live_at > asked_at:
            self._evaluation.answer(request, _other_runs(request.environment, None, away))
            return
        good = self._evaluation.good(request.environment, away.release.artifact.module)
        if good is None:
            return
        wanted = [one for one in good if request.version in (None, one.release.artifact.version)]
        named = request.version is not None
        target, obstacle = self.target(wanted, request.environment, away.release, named=named)
        if target is None:
            self._evaluation.answer(request, replace(obstacle, version=request.version))
            return
        under_way = [one for one in self._rollbacks(request.environment) if one.release.id == target.release.id]
        if under_way:
            version, deployment = target.release.artifact.version, under_way[-1].id
            refused = rollback_reasons.RollbackUnderWay(version=version, deployment=deployment)
            self._evaluation.answer(request, refused)
            return
        if (request.environment, target.release.artifact.module) in self._taken_back:
            return  # the one that has just been made is there at the next look
        reason = _rollback_of(away.release, target, requested=Comment(by=request.by, comment=request.reason))
        self._evaluation.answer(request, reason)
        self._put_back(target, request.environment, reason, cause=away.deployment, request=request.event)
        if request.module is None:
            self._take_back_bundle(request.environment, away.release, request=request)

    def _put_back(
        self, target: KnownGood, environment: str, reason: reasons.RollbackOf, cause: int, request: int | None = None
    ) -> None:
        module = target.release.artifact.module
        self._taken_back.add((environment, module))
        for waiting in self._evaluation.waiting(environment):
            file = waiting.release.artifact
            if waiting.kind == "deploy" and (file.module, file.version) == (module, reason.version):
                self._evaluation.skip(waiting, reason)
        self._evaluation.attempt(
            AttemptScheduled(
                kind="rollback",
                environment=environment,
                release=target.release,
                flow=None,
                attempt=1,
                reason=reason,
                cause=cause,
                request=request,
            )
        )


def _other_runs(environment: str, version: str | None, ran: CurrentVersion) -> rollback_reasons.OtherRuns:
    running = ran.release.artifact.version
    return rollback_reasons.OtherRuns(environment=environment, version=version, running=running, live_at=ran.live_at)


def _rollback_of(
    away: Release, target: KnownGood, *, failure: Reason | None = None, requested: Comment | None = None
) -> reasons.RollbackOf:
    versions = {"version": away.artifact.version, "target": target.release.artifact.version}
    return reasons.RollbackOf(**versions, deployed_at=target.live_at, failure=failure, requested=requested)
