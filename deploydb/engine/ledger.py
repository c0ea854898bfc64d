"""One service's rows in memory, as the store would keep them, and its snapshot."""

from collections.abc import Collection
from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from deploydb.domain.evaluation import decisions
from deploydb.domain.evaluation.decisions import AttemptScheduled, Decisions, FlowOpened, ServiceSnapshot
from deploydb.domain.model.branches import Branches
from deploydb.domain.model.deployment import Deployment, Release, Status
from deploydb.domain.model.external import External, external_fields
from deploydb.domain.model.overrides import Hold, PromotionRequest, RetryRequest, unlifted
from deploydb.domain.model.running import CurrentVersion, DependencyState, KnownGood
from deploydb.engine.flow_releases import FlowReleases
from deploydb.engine.lane_records import LaneRecords
from deploydb.engine.returns import returns
from deploydb.engine.statements import Attestations, Statements


class Ledger(LaneRecords):
    """A service's deployments and what is known of them. A snapshot costs what is open, not what has been."""

    @classmethod
    def of(cls, snapshot: ServiceSnapshot, statements: Statements) -> "Ledger":
        """The rows of a snapshot; `statements` has its evidence."""
        ledger = cls(snapshot.service, statements)
        ledger.running = dict(snapshot.running)
        ledger.hotfixes = {hotfix.version: hotfix for hotfix in snapshot.hotfixes}
        ledger.promotion_requests = {(one.environment, one.version): one for one in snapshot.promotion_requests}
        ledger.wishes = list(snapshot.wishes)
        ledger.retries = list(snapshot.retries)
        ledger._verdicts = {ident: dict(verdicts) for ident, verdicts in snapshot.verdicts.items()}
        ledger._known_good = snapshot.good
        ledger._returns = snapshot.returns
        ledger._releases = FlowReleases(snapshot.unplaced)
        ledger._last_id = max((ran.deployment for ran in snapshot.running.values()), default=0)  # it may be the cause
        for deployment in sorted(snapshot.deployments, key=lambda one: one.id):
            ledger.put(deployment)
            if deployment.flow is not None:
                ledger._releases.add(deployment.flow, deployment.release)
        return ledger

    def open_flow(self, opening: FlowOpened, flow: int | None = None) -> list[Deployment]:
        """A deployment for each stage; none where the release has its flow already. `flow`: as the log has it."""
        opened = self._releases.by_release
        if opening.release.id in opened:
            return []
        flow, release = flow or len(opened) + 1, opening.release
        self._releases.add(flow, release, is_placed=bool(opening.stages))
        return [self._make(flow=flow, environment=environment, release=release) for environment, _ in opening.stages]

    def observe(self, fact: External, release: Release, known_at: datetime | None = None) -> Deployment:
        """An external deployment of the release."""
        return self._make(flow=None, release=release, **external_fields(fact, known_at))

    def inherit(self, known: Deployment, release: Release) -> None:
        """What ran there when the replay begins, and is over."""
        since = known.gates_count_from
        if since is None:
            return
        mine = replace(known, id=self._last_id + 1, flow=None, release=release, needs_evaluation=False, kind="external")
        self.put(mine)
        self.running[mine.environment, release.artifact.module] = CurrentVersion(
            deployment=mine.id, release=release, live_at=since
        )
        if mine.status is Status.SUCCESS:
            self._succeeded[mine.environment].append(mine.id)

    def snapshot(
        self,
        holds: Collection[Hold],
        neighbours: tuple[DependencyState, ...],
        attestations: Attestations,
        stages: Collection[str] | None = None,
        branches: Branches | None = None,
    ) -> ServiceSnapshot:
        """What the store would load. `stages`: the environments of the service's stages; `branches`: which versions go
        through which of them."""
        self.stages = frozenset(stages) if stages is not None else None
        evidence = {}
        for ident in self._open.union(*(self._earlier(ident) for ident in self._open)):
            found = self.statements.evidence(self.deployments[ident], attestations)
            if found is not None:
                evidence[ident] = found
        deployments = self._live | self._to_extend(branches) | self._wanted(holds) | self._of_rollbacks()
        unplaced = tuple(self._releases.unplaced(branches, self.promotion_requests, self._environments_of))
        releases = [*(one.release for one in deployments.values()), *(one.release for one in unplaced)]
        versions = {release.artifact.version for release in releases}
        opened = [self.deployments[ident] for ident in self._open]
        return ServiceSnapshot(
            service=self.service,
            deployments=tuple(deployments.values()),
            running=self.running,
            evidence=evidence,
            verdicts={ident: self._verdicts[ident] for ident in self._open if ident in self._verdicts},
            holds=tuple(unlifted(one for one in holds if one.service in (None, self.service))),
            hotfixes=tuple(one for version, one in self.hotfixes.items() if version in versions),
            promotion_requests=tuple(one for one in self.promotion_requests.values() if one.version in versions),
            wishes=tuple(self.wishes),
            retries=tuple(self.retries),
            neighbours=neighbours,
            good=self._good(),
            unknown=self._unknown_stages(),
            unplaced=unplaced,
            returns={**self._returns, **returns(opened, self.running, self.deployments.values(), self._known_at)},
        )

    def write(self, made: Decisions) -> tuple[list[Deployment], set[str]]:
        """Write decisions down. The further deployments that they make, and the environments where others may look."""
        attempts, changed = list[Deployment](), set[str]()
        for decision in made.decisions:
            match decision:
                case decisions.DeploymentRequested() | decisions.FailureFinalized():
                    self.put(decision.deployment)
                case decisions.DeploymentWentLive(deployment=known):
                    self.put(known)
                    self._known_at[known.id][decision.live_at] = decision.known_at
                case decisions.DeploymentTransitioned(what=what, deployment=known):
                    self.put(known)
                    if what in ("succeeded", "failed", "resumed"):
                        changed.add(known.environment)
                    if what == "succeeded":
                        self._succeeded[known.environment].append(known.id)
                case decisions.VerdictChanged(deployment=known, verdict=verdict):
                    self._verdicts.setdefault(known.id, {})[verdict.gate] = verdict
                case decisions.CurrentVersionChanged(environment=environment, running=ran):
                    self.running[environment, ran.release.artifact.module] = ran
                    changed.add(environment)
                case AttemptScheduled():
                    attempts.append(self._attempt(decision))
                case decisions.FlowExtended(flow=flow, release=release, added=added):
                    self._releases.place(flow)
                    attempts += [self._make(flow=flow, environment=name, release=release) for name, _ in added]
                case decisions.RollbackRequestResolved(wish=wish):
                    self.wishes.remove(wish)
                case decisions.RetryRequestResolved(request=request):
                    self.retries.remove(request)
                case decisions.CheckScheduled():
                    pass  # the answer is in the past, or unknown
                case _:
                    assert_never(decision)
        for known in made.explained:
            self.put(known)
        return attempts, changed

    def _unknown_stages(self) -> dict[int, frozenset[str]]:
        found: dict[int, frozenset[str]] = {}
        for known in (self.deployments[id_] for id_ in self.unknown):
            if known.flow is not None:
                found[known.flow] = found.get(known.flow, frozenset()) | {known.environment}
        return found

    def _to_extend(self, branches: Branches | None) -> dict[int, Deployment]:
        """The deployments of the flows of what runs that have none in one of the stages of their way."""
        found: dict[int, Deployment] = {}
        for ran in self.running.values() if self.stages else ():
            kin = [
                self.deployments[id_] for id_ in self._flows.get(self._releases.by_release.get(ran.release.id, 0), ())
            ]
            way = branches.environments(ran.release.artifact.version) if branches is not None else self.stages
            if kin and way and not way <= {one.environment for one in kin}:
                found |= {one.id: one for one in kin if one.id not in self.unknown}
        return found

    def _wanted(self, holds: Collection[Hold]) -> dict[int, Deployment]:
        """The flows of which another attempt may be made, though they are over; and rollbacks to their versions."""
        pins = [one for one in unlifted(holds) if one.kind == "pin" and one.service == self.service]
        wanted: list[RetryRequest | Hold] = [*self.retries, *pins]
        places = {(one.environment or "", one.version or "") for one in wanted}
        places |= {place for place, one in self.promotion_requests.items() if self._is_skipped_before(one)}
        found = [self.deployments[ident] for place in places for ident in self._of_version.get(place, ())]
        return {one.id: one for known in found for one in self.kin(known) if one.id not in self.unknown}

    def _is_skipped_before(self, request: PromotionRequest) -> bool:
        """Whether the version's last attempt there was skipped before the request."""
        found = (self.deployments[ident] for ident in self._of_version.get((request.environment, request.version), ()))
        last = {one.flow: one for one in found if one.flow is not None}
        return any(
            one.status is Status.SKIPPED and one.skipped_at is not None and one.skipped_at < request.recorded_at
            for one in last.values()
        )

    def _attempt(self, made: AttemptScheduled) -> Deployment:
        return self._make(
            flow=made.flow,
            environment=made.environment,
            release=made.release,
            kind=made.kind,
            attempt=made.attempt,
            cause=made.cause,
            not_before=made.not_before,
            ordered=made.ordered,
            trigger_reason=made.trigger_reason,
            status_reason=made.reason,
        )

    def _good(self) -> dict[str, tuple[KnownGood, ...]]:
        environments = {one.environment for one in self.wishes}
        for ident in self._open:
            known = self.deployments[ident]
            if known.status is Status.FAILED and known.failure_response is None:
                environments.add(known.environment)
        return {environment: self.good_in(environment) for environment in environments}

    def good_in(self, environment: str) -> tuple[KnownGood, ...]:
        """What succeeded in a lane, each release once, newest first."""
        found: dict[int, KnownGood] = {}
        for known in (self.deployments[ident] for ident in sorted(set(self._succeeded[environment]), reverse=True)):
            if known.result != "SUCCESS" or known.gates_count_from is None:
                continue
            good = KnownGood(
                deployment=known.id,
                release=known.release,
                live_at=known.gates_count_from,
                completed=self._completed(known.release),
            )
            found.setdefault(known.release.id, good)
        for good in self._known_good.get(environment, ()):  # it may have come through its last stage since
            completed = good.completed or self._completed(good.release)
            found.setdefault(good.release.id, replace(good, completed=completed))
        left = self._rolled_back_from(environment)
        flagged = [
            replace(
                good,
                rolled_back=good.rolled_back or left.get(id_, 0) > good.deployment,
                failed=good.failed or self._has_failed_since(good, environment),
                in_trouble=good.in_trouble or self.statements.names(environment, good.release.artifact.version),
            )
            for id_, good in found.items()
        ]
        return tuple(sorted(flagged, key=lambda one: (one.live_at, one.deployment), reverse=True))

    def _has_failed_since(self, good: KnownGood, environment: str) -> bool:
        """Whether a later deployment of the release there came to run, and failed."""
        return any(
            one.environment == environment and one.status is Status.FAILED
            for one in (self.deployments[ident] for ident in self._of_release.get(good.release.id, ()))
            if one.id > good.deployment and one.live_at is not None and one.expired_at is None
        )

    def _completed(self, release: Release) -> bool:
        """Whether it has succeeded in each stage, and its last attempt there has not failed."""
        flow = self._releases.by_release.get(release.id)
        kin = (self.deployments[ident] for ident in self._flows[flow]) if flow is not None else ()
        through = [one for one in kin if self.stages is None or one.environment in self.stages]
        done = {one.environment: one.id for one in through if one.status is Status.SUCCESS}
        return flow is not None and all(
            one.id <= done.get(one.environment, 0) or (one.environment in done and one.status is Status.SKIPPED)
            for one in through
        )
