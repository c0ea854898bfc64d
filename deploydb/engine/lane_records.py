"""What is known of the lanes of one service in memory: what runs, people's orders, verdicts, evidence."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import Return
from deploydb.domain.model.deployment import Gate, Release, Verdict
from deploydb.domain.model.evidence import Incident
from deploydb.domain.model.overrides import Hotfix, PromotionRequest, RetryRequest, RollbackRequest
from deploydb.domain.model.running import CurrentVersion, DependencyState, KnownGood
from deploydb.engine.deployment_rows import DeploymentRows
from deploydb.engine.flow_releases import FlowReleases
from deploydb.engine.statements import Statements


class LaneRecords(DeploymentRows):
    """A service's deployments, and what is known of its lanes."""

    def __init__(self, service: str, statements: Statements | None = None) -> None:
        super().__init__(service)
        self.running: dict[tuple[str, str], CurrentVersion] = {}
        self.hotfixes: dict[str, Hotfix] = {}
        self.promotion_requests: dict[tuple[str, str], PromotionRequest] = {}
        """By environment and version."""
        self.wishes: list[RollbackRequest] = []
        self.retries: list[RetryRequest] = []
        self.statements = statements or Statements()
        self.stages: frozenset[str] | None = None
        """The environments of the service's stages, by the last snapshot; None: not known."""
        self._releases = FlowReleases()
        self._verdicts: dict[int, dict[Gate, Verdict]] = {}
        self._succeeded: dict[str, list[int]] = defaultdict(list)
        self._known_good: Mapping[str, Sequence[KnownGood]] = {}
        self._known_at: dict[int, dict[datetime, datetime]] = defaultdict(dict)
        self._returns: Mapping[int, Return] = {}

    def verdicts(self, ident: int) -> Mapping[Gate, Verdict]:
        """The last verdicts on a deployment."""
        return self._verdicts.get(ident, {})

    def trouble(self, environment: str, report: Incident) -> None:
        """An incident begins or is over: what runs there is judged again."""
        self.statements.trouble(environment, report)
        for (where, _), ran in self.running.items():
            if where == environment:
                self.put(replace(self.deployments[ran.deployment], needs_evaluation=True))

    def publish(self, release: Release) -> None:
        """A release has another publication, or its first one after a sighting."""
        self._releases.publish(release)
        for id_ in self._of_release.get(release.id, ()):
            self.put(replace(self.deployments[id_], release=release))
        now = {key: replace(ran, release=release) for key, ran in self.running.items() if ran.release.id == release.id}
        self.running |= now

    def neighbours(self, environment: str) -> Iterator[DependencyState]:
        """What a lane runs, as other services' gates see it."""
        for (where, _), ran in self.running.items():
            if where == environment:
                yield DependencyState(
                    service=self.service,
                    environment=environment,
                    release=ran.release,
                    deployment=ran.deployment,
                    status=self.deployments[ran.deployment].status,
                )

    def rename(self, now: Callable[[str], str]) -> None:
        """Environments have other names from now on."""
        super().rename(now)
        self.running = {(now(where), module): ran for (where, module), ran in self.running.items()}
        self.hotfixes = {
            version: replace(one, skip=tuple(map(now, one.skip))) for version, one in self.hotfixes.items()
        }
        requests = [
            replace(one, environment=now(one.environment), skip=tuple(map(now, one.skip)))
            for one in self.promotion_requests.values()
        ]
        self.promotion_requests = {(one.environment, one.version): one for one in requests}
        self.wishes = [replace(one, environment=now(one.environment)) for one in self.wishes]
        self.retries = [replace(one, environment=now(one.environment)) for one in self.retries]
        self.statements.rename(now)
        self._succeeded = defaultdict(list, {now(where): ids for where, ids in self._succeeded.items()})
        self._known_good = {now(where): good for where, good in self._known_good.items()}
