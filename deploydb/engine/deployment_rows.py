"""The deployments of one service in memory, and their indexes."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from deploydb.domain.model.deployment import Deployment, Status
from deploydb.engine.fork import Forkable


class DeploymentRows(Forkable):
    """A service's deployments. `unknown`: by deployment, why its outcome is unknown; it is in no lane."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.deployments: dict[int, Deployment] = {}
        self.unknown: dict[int, str] = {}
        self._live: dict[int, Deployment] = {}
        """Those of flows with an open one."""
        self._open: set[int] = set()
        self._flows: dict[int, list[int]] = defaultdict(list)
        self._of_version: dict[tuple[str, str], list[int]] = defaultdict(list)
        """By environment and version."""
        self._rollbacks: dict[str, list[int]] = defaultdict(list)
        """By environment."""
        self._of_release: dict[int, list[int]] = defaultdict(list)
        self._expected: Iterator[int] = iter(())
        self._last_id = 0

    @property
    def busy(self) -> bool:
        """Whether any deployment is open."""
        return bool(self._open)

    def expect(self, ids: Iterable[int]) -> None:
        """The deployments that are made next have these ids, as the log has them."""
        self._expected = iter(ids)

    def put(self, known: Deployment) -> None:
        """Keep a deployment as it is now."""
        ident = known.id
        fresh = ident not in self.deployments
        self._last_id = max(self._last_id, ident)
        self.deployments[ident] = known
        if fresh:
            self._of_release[known.release.id].append(ident)
            self._of_version[known.environment, known.release.artifact.version].append(ident)
        if fresh and known.kind == "rollback":
            self._rollbacks[known.environment].append(ident)
        if fresh and known.flow is not None:
            self._flows[known.flow].append(ident)
        if ident in self.unknown:
            return
        (self._open.add if known.needs_evaluation else self._open.discard)(ident)
        kin = self._flows[known.flow] if known.flow is not None else [ident]
        if known.needs_evaluation or any(one in self._open for one in kin):
            for one in kin:
                if one not in self.unknown:
                    self._live[one] = self.deployments[one]
        else:
            for one in kin:
                self._live.pop(one, None)

    def give_up(self, known: Deployment, lost: Collection[str], why: str) -> None:
        """Take a deployment of unknown outcome out of the lanes, with those of its flow in the `lost` environments."""
        self.deployments[known.id] = known
        for one in self.kin(known):
            if one.id == known.id or (one.environment in lost and one.status is Status.NOT_STARTED):
                self.unknown[one.id] = why
                self._live.pop(one.id, None)
                self._open.discard(one.id)
        rest = [one for one in self.kin(known) if one.id not in self.unknown]
        if rest:
            self.put(rest[0])

    def rename(self, now: Callable[[str], str]) -> None:
        """Environments have other names from now on."""
        self.deployments = {
            ident: replace(known, environment=now(known.environment)) for ident, known in self.deployments.items()
        }
        self._live = {ident: self.deployments[ident] for ident in self._live}
        self._of_version = defaultdict(
            list, {(now(where), version): ids for (where, version), ids in self._of_version.items()}
        )
        self._rollbacks = defaultdict(list, {now(where): ids for where, ids in self._rollbacks.items()})

    def is_open(self, ident: int) -> bool:
        """Whether promotion still has something to do with a deployment."""
        return ident in self._open

    def kin(self, known: Deployment) -> list[Deployment]:
        """Every deployment of its flow; itself alone where it has none."""
        return [self.deployments[ident] for ident in (self._flows[known.flow] if known.flow else [known.id])]

    def concerns(self, module: str, version: str) -> bool:
        """Whether a deployment of the version is open."""
        releases = (self.deployments[ident].release.artifact for ident in self._open)
        return any((one.module, one.version) == (module, version) for one in releases)

    def _earlier(self, ident: int) -> list[int]:
        """The attempts before one: of its flow, or of rollbacks to its release."""
        known = self.deployments[ident]
        if known.attempt == 1:
            return []
        place = (known.environment, known.release.artifact.version)
        return [
            one.id
            for one in (self.deployments[other] for other in self._of_version[place] if other < ident)
            if (one.flow, one.kind, one.release.id) == (known.flow, known.kind, known.release.id)
        ]

    def _environments_of(self, flow: int) -> set[str]:
        """The environments in which a flow has deployments."""
        return {self.deployments[ident].environment for ident in self._flows.get(flow, ())}

    def _of_rollbacks(self) -> dict[int, Deployment]:
        """The causes of open rollbacks, with their flows, and the earlier attempts."""
        rollbacks = [known for known in (self.deployments[ident] for ident in self._open) if known.kind == "rollback"]
        found = [self.deployments[ident] for known in rollbacks for ident in self._earlier(known.id)]
        causes = (self.deployments.get(known.cause or 0) for known in rollbacks)
        found += (one for cause in causes if cause is not None for one in self.kin(cause))
        return {one.id: one for one in found if one.id not in self.unknown}

    def _rolled_back_from(self, environment: str) -> dict[int, int]:
        """By release, the last rollback there that took its place."""
        found: dict[int, int] = {}
        for rollback in (self.deployments[ident] for ident in self._rollbacks[environment]):
            cause = self.deployments.get(rollback.cause or 0)
            if rollback.attempt == 1 and rollback.requested_at is not None and cause is not None:
                found[cause.release.id] = max(rollback.id, found.get(cause.release.id, 0))
        return found

    def _make(self, **fields: Any) -> Deployment:  # noqa: ANN401
        known = Deployment(id=next(self._expected, self._last_id + 1), service=self.service, **fields)
        self.put(known)
        return known
