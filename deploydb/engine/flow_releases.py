"""The flows of one service in memory by their releases, and those that may get a deployment for the first time."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator

from deploydb.domain.evaluation.decisions import Unplaced
from deploydb.domain.model.branches import Branches
from deploydb.domain.model.deployment import Release
from deploydb.engine.fork import Forkable


class FlowReleases(Forkable):
    """The flows of a service. Most have deployments from their beginning; the others cost a look for each catalog."""

    def __init__(self, known: Iterable[Unplaced] = ()) -> None:
        self.by_release: dict[int, int] = {}
        """By the id of each release, its flow."""
        self._by_version: dict[str, dict[int, Release]] = defaultdict(dict)
        self._given = {one.flow: frozenset(one.environments) for one in known}
        self._absent: dict[int, Release] = {}
        self._taken: dict[int, Release] = {}
        self._unseen: dict[int, Release] = {}
        self._branches: Branches | None = None
        for one in known:
            self.add(one.flow, one.release, is_placed=bool(one.environments))

    def add(self, flow: int, release: Release, *, is_placed: bool = True) -> None:
        """A flow of the release. `is_placed`: it has deployments."""
        self.by_release[release.id] = flow
        self._by_version[release.artifact.version][flow] = release
        if not is_placed:
            self._absent[flow] = self._unseen[flow] = release

    def place(self, flow: int) -> None:
        """The flow has a deployment."""
        for flows in (self._absent, self._unseen, self._taken):
            flows.pop(flow, None)

    def publish(self, release: Release) -> None:
        """A release has another publication."""
        flow = self.by_release.get(release.id)
        if flow is None:
            return
        for flows in (self._by_version[release.artifact.version], self._absent, self._unseen, self._taken):
            if flow in flows:
                flows[flow] = release

    def unplaced(
        self,
        branches: Branches | None,
        promoted: Iterable[tuple[str, str]],
        environments_of: Callable[[int], Collection[str]],
    ) -> Iterator[Unplaced]:
        """The flows without any deployment that a pipeline takes, and those without one in a lane that a person
        promotes their version to. `promoted`: environments and versions; `environments_of`: those of a flow."""
        if branches is not self._branches:
            self._branches, self._unseen, self._taken = branches, dict(self._absent), {}
        for flow, release in self._unseen.items():
            if branches is None or branches.environments(release.artifact.version):
                self._taken[flow] = release
        self._unseen = {}
        found = dict(self._taken)
        for environment, version in promoted if branches is not None else ():
            for flow, release in self._by_version.get(version, {}).items():
                if environment not in self._there(flow, environments_of):
                    found[flow] = release
        for flow, release in sorted(found.items(), key=lambda item: item[0]):
            yield Unplaced(flow=flow, release=release, environments=tuple(sorted(self._there(flow, environments_of))))

    def _there(self, flow: int, environments_of: Callable[[int], Collection[str]]) -> frozenset[str]:
        return self._given.get(flow, frozenset()).union(environments_of(flow))
