"""What follows a failure: another attempt, a rollback, or people who look; and the rollbacks that people want.

A failure counts once no retry is left. A rollback puts a release back that succeeded there before. It is a deployment
of its own, is never rolled back itself, and takes no vetoed version.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import AttemptScheduled
from deploydb.domain.evaluation.evaluation import Evaluation
from deploydb.domain.evaluation.holds import Holds
from deploydb.domain.model.admission_reasons import Held
from deploydb.domain.model.catalog import (
    Catalog,
    Service,
    Stage,
)
from deploydb.domain.model.deployment import (
    Deployment,
    FailureResponse,
    KnownGood,
    Release,
    Status,
)
from deploydb.domain.model.overrides import RollbackRequest
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import (
    FailureIgnored,
    Followed,
    NoRollbackTarget,
    NothingLive,
    NotRecorded,
    Reason,
    Retried,
    RetryOf,
    RetryScheduled,
    RollbackFinal,
    RollbackOf,
    RollingBack,
)


def apply_failure_policy(lanes: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
    """Resolve requests of rollbacks, then respond to each failure that has had no response yet."""
    failures = FailurePolicy(lanes, catalog, service, holds)
    for wish in sorted(lanes.wishes, key=lambda wish: wish.at):
        failures.grant(wish)
    for stage in catalog.stages(service):
        failures.follow(stage)


class FailurePolicy:
    """A service's failures and rollbacks."""

    def __init__(self, lanes: Evaluation, catalog: Catalog, service: Service, holds: Holds) -> None:
        self._lanes = lanes
        self._catalog = catalog
        self._service = service
        self._holds = holds

    def follow(self, stage: Stage) -> None:
        """Respond to each failure in a stage that has had no response yet."""
        for known in self._lanes.lane(stage.environment):
            undecided = known.needs_evaluation and known.replaced_at is None and known.failure_response is None
            if undecided and known.status is Status.FAILED and known.kind != "external":
                self._follow(stage, known)

    def _follow(self, stage: Stage, known: Deployment) -> None:
        lane, failure = self._lanes.lane(stage.environment), known.status_reason or NotRecorded()
        again = next((one for one in lane if one.cause == known.id and one.kind == known.kind), None)
        if again is not None:  # it had failed before, and succeeded by a report that was taken back
            retried = Retried(attempt=again.attempt, deployment=again.id)
            followed = Followed(failure=failure, response=retried)
            self._lanes.settle(
                "closed",
                replace(known, failure_response="retry", failure_response_detail=retried, needs_evaluation=False),
                followed,
            )
            return
        retry = self._catalog.retry(self._service, known.environment)
        attempted = known.result is None  # the attempt itself failed; what a gate said no to is not tried again
        if attempted and known.attempt <= retry.retries:
            due = self._lanes.now + retry.backoff * 2 ** (known.attempt - 1)
            attempt, attempts = known.attempt + 1, retry.retries + 1
            reason = RetryOf(attempt=attempt, attempts=attempts, failure=failure)
            scheduled = RetryScheduled(at=due, attempt=attempt, attempts=attempts)
            self._lanes.settle(
                "closed",
                replace(known, failure_response="retry", failure_response_detail=scheduled, needs_evaluation=False),
                reason,
            )
            self._lanes.attempt(
                AttemptScheduled(
                    kind="rollback" if known.kind == "rollback" else "deploy",
                    environment=known.environment,
                    release=known.release,
                    flow=known.flow,
                    attempt=attempt,
                    reason=reason,
                    promotions=tuple(one.ident for one in self._catalog.exit_promotions(self._service, stage))
                    if known.kind == "deploy"
                    else (),
                    cause=known.id,
                    not_before=due,
                )
            )
            return
        strategy = self._catalog.failure_strategy(self._service, known.environment)
        if known.kind == "rollback":
            self._count(known, "stop", RollbackFinal())
        elif strategy == "stop":
            self._count(known, "stop", None)
        elif strategy == "ignore":
            self._count(replace(known, needs_evaluation=False), "ignore", FailureIgnored())
        else:
            self._roll_back(known, strategy)

    def _roll_back(self, known: Deployment, strategy: FailureResponse) -> None:
        good = self._lanes.good(known.environment, known.release.artifact.module)
        if good is None:
            return
        if strategy == "full_rollback":
            good = [one for one in good if one.completed]
        target, obstacle = self.target(good, known.environment, known.release)
        if target is None:
            self._count(known, "stop", obstacle)
            return
        self._count(known, strategy, RollingBack(version=target.release.artifact.version))
        self._lanes.attempt(
            AttemptScheduled(
                kind="rollback",
                environment=known.environment,
                release=target.release,
                flow=None,
                attempt=1,
                reason=RollbackOf(
                    version=known.release.artifact.version,
                    failure=known.status_reason,
                    target=target.release.artifact.version,
                    deployed_at=target.live_at,
                ),
                cause=known.id,
            )
        )

    def target(
        self, good: Sequence[KnownGood], environment: str, away: Release
    ) -> tuple[KnownGood | None, NoRollbackTarget]:
        """The release to put back in the place of another, of those that succeeded there, newest first; else why there
        is none."""
        passed_over: list[Held] = []
        pin = self._holds.pin(environment)
        for one in good:
            version = one.release.artifact.version
            if one.release.id == away.id:
                continue
            veto = self._holds.veto(environment, version)
            if veto is not None:
                passed_over.append(veto.held)
            elif pin is not None and pin.version != version:
                passed_over.append(pin.held)
            else:
                return one, NoRollbackTarget()
        return None, NoRollbackTarget(holds=tuple(dict.fromkeys(passed_over)))

    def _count(
        self, known: Deployment, failure_response: FailureResponse, failure_response_detail: Reason | None
    ) -> None:
        counted, failure = (
            replace(known, failure_response=failure_response, failure_response_detail=failure_response_detail),
            known.status_reason or NotRecorded(),
        )
        reason = (
            Followed(failure=failure, response=failure_response_detail)
            if failure_response_detail is not None
            else failure
        )
        self._lanes.count_failure(counted, failure_response, reason)

    def grant(self, wish: RollbackRequest) -> None:
        """Schedule the rollback that a person requested, or resolve the request with the obstacle."""
        runs = [
            ran
            for (environment, module), ran in self._lanes.running.items()
            if environment == wish.environment and wish.module in (None, module)
        ]
        if not runs:
            self._lanes.answer(wish, NothingLive(environment=wish.environment))
            return
        away = max(runs, key=lambda ran: ran.live_at)
        module, version = away.release.artifact.module, away.release.artifact.version
        good = self._lanes.good(wish.environment, module)
        if good is None:
            return
        wanted = [one for one in good if wish.version in (None, one.release.artifact.version)]
        target, obstacle = self.target(wanted, wish.environment, away.release)
        if target is None:
            self._lanes.answer(wish, replace(obstacle, version=wish.version))
            return
        reason = RollbackOf(
            version=version,
            requested=Comment(by=wish.by, comment=wish.reason),
            target=target.release.artifact.version,
            deployed_at=target.live_at,
        )
        self._lanes.answer(wish, reason)
        self._lanes.attempt(
            AttemptScheduled(
                kind="rollback",
                environment=wish.environment,
                release=target.release,
                flow=None,
                attempt=1,
                reason=reason,
                cause=away.deployment,
                wish=wish.event,
            )
        )
