"""The rows of several services in memory: facts are folded in as the store's projections fold them."""

from collections.abc import Collection
from datetime import datetime

from deploydb.domain.evaluation.decisions import ServiceSnapshot
from deploydb.domain.evaluation.evaluate import open_flow
from deploydb.domain.model import facts
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, FactOrder, Release
from deploydb.domain.model.evidence import Attestation
from deploydb.domain.model.history import LogEntry
from deploydb.domain.model.overrides import Hold
from deploydb.domain.model.publications import Acceptance, Publication
from deploydb.engine.ledger import Ledger
from deploydb.engine.projections import project, project_on_deployment
from deploydb.engine.releases import Releases
from deploydb.engine.statements import keep_latest


class MemoryStore:
    """The ledgers of some services, and what they share: the catalog, releases, holds and attestations."""

    def __init__(self, catalog: Catalog, services: Collection[str]) -> None:
        self.ledgers = {service: Ledger(service) for service in sorted(services)}
        self._catalog = catalog
        self._releases = Releases()
        self._holds: dict[tuple[str, ...], Hold] = {}
        self._attestations: dict[tuple[str, str], tuple[Attestation, ...]] = {}

    def inherit(self, known: Deployment) -> None:
        """Take over what ran when the history begins, and is over."""
        if known.service in self.ledgers:
            self.ledgers[known.service].inherit(known, self._published(known.release))

    def end(self, fact: facts.DeploymentFinished, known: Deployment) -> tuple[set[str], list[Deployment]]:
        """Fold in a historical end, which made a deployment of its own. `known`: as it was made. Returns as `take`."""
        if known.service not in self.ledgers:
            return set(), []
        return {known.service}, [
            self.ledgers[known.service].observe(fact, self._published(known.release), known.finished_known_at)
        ]

    def take(self, entry: LogEntry) -> tuple[set[str], list[Deployment]]:
        """Fold in a fact that is not about one deployment. Returns the services to evaluate, and new deployments."""
        fact, number = entry.fact, entry.number
        made: list[Deployment] = []
        service = getattr(fact, "service", None)
        ledger = self.ledgers.get(service) if service is not None else None
        match fact:
            case facts.ArtifactPublished():
                release = self._release(Publication.of(fact, entry.publisher))
                if fact.historical:
                    return set(), made
                services = {one for one in self._catalog.services_of(fact.artifact.module) if one in self.ledgers}
                for one in sorted(services):
                    made += self.ledgers[one].open_flow(open_flow(self._catalog, one, release))
                return services, made
            case facts.ArtifactAccepted():
                self._add(Acceptance.of(fact, number))
                file = fact.artifact
                return {one for one, other in self.ledgers.items() if other.concerns(file.module, file.version)}, made
            case facts.ArtifactAttested():
                key = (fact.artifact.module, fact.artifact.version)
                kept = {(one.digest, one.signer, one.kind): one for one in self._attestations.get(key, ())}
                given = Attestation.of(fact, number)
                keep_latest(kept, (given.digest, given.signer, given.kind), given)
                self._attestations[key] = tuple(kept.values())
                return {one for one, other in self.ledgers.items() if other.concerns(*key)}, made
            case facts.AboutHold():
                hold = Hold.of(fact, number, recorded_at=entry.recorded_at)
                keep_latest(self._holds, hold.key, hold)
            case facts.DeploymentObserved() if ledger is not None:
                release = self._release(Publication.of(fact, entry.publisher))
                made.append(ledger.observe(fact, release, entry.recorded_at))
            case _ if ledger is not None:
                project(ledger, number, fact, entry.recorded_at)
        if service is None:
            return {one for one, other in self.ledgers.items() if other.busy}, made
        return {service} & self.ledgers.keys(), made

    def report(
        self, service: str, id_: int, number: int, fact: facts.AboutDeployment, recorded_at: datetime
    ) -> set[str]:
        """Fold in a fact about a deployment. `number`: of its log row. Returns the services to evaluate."""
        ledger = self.ledgers[service]
        was_open = ledger.is_open(id_)
        project_on_deployment(ledger, id_, number, fact, recorded_at)
        environment = self._catalog.environments.get(ledger.deployments[id_].environment)
        extends = environment is not None and environment.deadline_at_most is not None
        if was_open and isinstance(fact, facts.DeploymentStarted) and not extends:
            return set()  # nothing else is decided by a start
        return {service} if ledger.is_open(id_) else set()

    def snapshot(self, service: str) -> ServiceSnapshot:
        """What the store would load of a service."""
        neighbours = tuple(
            one
            for other, environment in sorted(self._catalog.dependencies(service))
            if other in self.ledgers
            for one in self.ledgers[other].neighbours(environment)
        )
        stages, branches = self._catalog.environments_of(service), self._catalog.branches(service)
        return self.ledgers[service].snapshot(self._holds.values(), neighbours, self._attestations, stages, branches)

    def _published(self, release: Release) -> Release:
        """A release of which no publication may be known."""
        at = FactOrder(release.published_at, "", "")
        return self._release(Publication(artifact=release.artifact, by=release.published_by, at=at))

    def _release(self, publication: Publication) -> Release:
        """The release of a version, with one more publication."""
        return self._add(publication) or self._releases.named(publication.key)

    def _add(self, word: Publication | Acceptance) -> Release | None:
        """The release of a version that is another one by a publication or an acceptance."""
        changed = self._releases.add(word)
        if changed is not None:
            for ledger in self.ledgers.values():
                ledger.publish(changed)
        return changed
