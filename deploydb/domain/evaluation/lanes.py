"""A service's lanes: its deployments by environment, flow and release, as the decisions so far left them.

A lane is a service in an environment.
"""

from collections.abc import Collection, Mapping, Sequence

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.model.deployment import Deployment, Status
from deploydb.domain.model.outcome_reasons import AttemptObsolete
from deploydb.domain.model.overrides import Hotfix, PromotionRequest
from deploydb.domain.model.running import CurrentVersion


class Lanes:
    """The deployments of a service, in the order of their ids, what runs, and people's orders to go ahead."""

    def __init__(self, snapshot: ServiceSnapshot, modules: Collection[str]) -> None:
        self.running = dict(snapshot.running)
        self.promotion_requests: Sequence[PromotionRequest] = snapshot.promotion_requests
        self._modules = frozenset(modules)
        self._hotfixes = {hotfix.version: hotfix for hotfix in snapshot.hotfixes}
        self._requests = {(one.environment, one.version): one for one in snapshot.promotion_requests}
        ordered = sorted(snapshot.deployments, key=lambda deployment: deployment.id)
        self._deployments = {deployment.id: deployment for deployment in ordered}
        self._by_environment: dict[str, list[int]] = {}
        self._flows: dict[tuple[int, str], list[int]] = {}
        self._releases: dict[tuple[int, str], list[int]] = {}
        for deployment in ordered:
            self._by_environment.setdefault(deployment.environment, []).append(deployment.id)
            self._releases.setdefault((deployment.release.id, deployment.environment), []).append(deployment.id)
            if deployment.flow is not None:
                self._flows.setdefault((deployment.flow, deployment.environment), []).append(deployment.id)

    def all(self) -> list[Deployment]:
        """Every deployment."""
        return list(self._deployments.values())

    def waiting(self, environment: str) -> list[Deployment]:
        """The deployments in one environment that have not started, of the modules that the service has."""
        return [
            deployment
            for deployment in self.lane(environment)
            if deployment.status is Status.NOT_STARTED and deployment.release.artifact.module in self._modules
        ]

    def lane(self, environment: str) -> list[Deployment]:
        """The deployments in one environment."""
        return [self._deployments[ident] for ident in self._by_environment.get(environment, ())]

    def of_release(self, release: int, environment: str) -> list[Deployment]:
        """The deployments of a release in one environment."""
        return [self._deployments[ident] for ident in self._releases.get((release, environment), ())]

    def of(self, flow: int | None, environment: str) -> Deployment | None:
        """A flow's latest attempt in an environment; None where the flow does not go through it.

        Where it has got through, a further attempt counts once it fails, or gets through; one that was not needed never
        does.
        """
        found = [self._deployments[ident] for ident in self._flows.get((flow or 0, environment), ())]
        while len(found) > 1 and (is_obsolete(found[-1]) or (found[-2].got_through and not _is_judged(found[-1]))):
            found.pop()
        return found[-1] if found else None

    def deployment(self, ident: int | None) -> Deployment | None:
        """A deployment by its number, if it is known here."""
        return self._deployments.get(ident) if ident is not None else None

    def first_attempt(self, rollback: Deployment) -> Deployment:
        """The attempt of a rollback after which it was tried again; itself where it is the first one."""
        before = self.deployment(rollback.cause) if rollback.attempt > 1 else None
        return self.first_attempt(before) if before is not None else rollback

    def runs(self, deployment: Deployment) -> CurrentVersion | None:
        """What the deployment's environment runs of its module."""
        return self.running.get((deployment.environment, deployment.release.artifact.module))

    def hotfix(self, deployment: Deployment) -> Hotfix | None:
        """The order by which the deployment's version goes ahead of the others."""
        return self._hotfixes.get(deployment.release.artifact.version)

    def promotion_request(self, deployment: Deployment) -> PromotionRequest | None:
        """The order by which a person wants the deployment's version in its lane."""
        return self._requests.get((deployment.environment, deployment.release.artifact.version))

    def promoted(self) -> Mapping[str, frozenset[str]]:
        """By version, the environments that people want it in."""
        found: dict[str, frozenset[str]] = {}
        for environment, version in self._requests:
            found[version] = found.get(version, frozenset()) | {environment}
        return found

    def is_ahead(self, deployment: Deployment) -> bool:
        """Whether a person has ordered the deployment: it goes ahead of the others in its lane, and without a
        bundle."""
        return deployment.ordered is not None or self.goes_ahead(deployment) is not None

    def goes_ahead(self, deployment: Deployment) -> PromotionRequest | Hotfix | None:
        """The order by which the deployment goes ahead of the others in its lane."""
        return self.promotion_request(deployment) or self.hotfix(deployment)


def _is_judged(deployment: Deployment) -> bool:
    """Whether it was commanded, and has failed or got through."""
    return deployment.requested_at is not None and deployment.status in (Status.FAILED, Status.SUCCESS)


def is_obsolete(deployment: Deployment) -> bool:
    """Whether it was skipped since the attempt before it finished after all."""
    return deployment.status is Status.SKIPPED and isinstance(deployment.status_reason, AttemptObsolete)
