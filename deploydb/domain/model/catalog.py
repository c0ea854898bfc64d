"""What is configured: services, environments, pipelines with their stages, promotions. Values, read from YAML.

A catalog is consistent: every name that its services lead to refers to something, no stage waits for itself, and a
service meets each environment once. What reads a catalog need not check again. A service that needs an object without a
file is in `Catalog.incomplete`.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from deploydb.domain.gates.promotion import Promotion
from deploydb.domain.model.access import Access
from deploydb.domain.model.branches import BRANCHED, Branches
from deploydb.domain.model.commands import ALWAYS_SENT
from deploydb.domain.model.pipelines import (
    After,
    Parallel,
    Pipeline,
    Stage,
    WhileVerifying,
    branches_of,
    upstream_first,
)
from deploydb.domain.model.promotions import RESERVED
from deploydb.domain.model.service_metadata import NO_METADATA, ServiceMetadata
from deploydb.domain.model.webhooks import Endpoint, Webhooks

__all__ = [
    "DEFAULT_ORCHESTRATOR",
    "After",
    "Bundle",
    "Catalog",
    "Environment",
    "FailureStrategy",
    "Incomplete",
    "Lane",
    "Order",
    "Parallel",
    "Pipeline",
    "Retry",
    "Service",
    "Stage",
]
"""The parts of a catalog, for those who read one."""

Order = Literal["published", "version"]
"""What makes a version newer: a higher number (the default, real histories have backports), or published later."""
Bundle = Literal["commit", "none"]
"""Which releases of a service's modules go through its stages together: those of one commit, or none."""
FailureStrategy = Literal["stop", "rollback", "full_rollback", "ignore"]
"""What follows a failure.

stop           things stay as they are, for people to look at
rollback       the last version that succeeded in this environment is put back
full_rollback  the last version that completed the whole pipeline is put back
ignore         it is recorded, and the release goes on
"""

Lane = tuple[str, str]
"""A service in an environment."""

DEFAULT_ORCHESTRATOR = "default"


class Retry(Struct, frozen=True, kw_only=True):
    """How often a deployment that failed is tried again before it counts, the first time after `backoff`, then twice
    as long each time."""

    retries: int = 0
    backoff: timedelta = timedelta(seconds=30)


class Environment(Struct, frozen=True, kw_only=True):
    """Where services run. `orchestrator` names the queue that gets its commands; `entry` gates guard its door.

    `deadline`: how long a deployment may take; None: as long as it takes.
    `deadline_at_most`: until when, from the command on, reports of a start extend the deadline; None: they do not.
    `failure_strategy`, `retry` and `fail_on_incident` override the service's. A lane in it is starved where none of so
    many releases has passed, or none for so long. `renamed_from`: the names that it had before.
    """

    ident: str
    description: str = ""
    orchestrator: str = DEFAULT_ORCHESTRATOR
    entry: tuple[str, ...] = ()
    deadline: timedelta | None = timedelta(hours=1)
    deadline_at_most: timedelta | None = None
    failure_strategy: FailureStrategy | None = None
    retry: Retry | None = None
    fail_on_incident: bool | None = None
    starved_releases: int = 10
    starved_after: timedelta = timedelta(days=3)
    renamed_from: tuple[str, ...] = ()
    webhooks: Webhooks = Webhooks()


class Service(Struct, frozen=True, kw_only=True):
    """What is deployed as one. `promotions` hold in every stage. Without `metadata`, none is in the digest."""

    ident: str
    description: str = ""
    artifacts: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    promotions: tuple[str, ...] = ()
    failure_strategy: FailureStrategy = "stop"
    retry: Retry = Retry()
    fail_on_incident: bool = False
    order: Order = "version"
    bundle: Bundle = "commit"
    metadata: ServiceMetadata | UnsetType = UNSET

    @property
    def known_metadata(self) -> ServiceMetadata:
        """Its metadata, without any where none is set."""
        return self.metadata or NO_METADATA


class Incomplete(Struct, frozen=True, kw_only=True):
    """A service that takes no releases: it `lacks` objects that it names, such as `environment prod`."""

    service: Service
    lacks: tuple[str, ...]


@dataclass(eq=False, kw_only=True, repr=False)
class Catalog:
    """Everything configured, by ident. Immutable; `digest` tells two catalogs apart. `incomplete`: the services that
    are shown, and for all else are as if they were not configured: their releases wait.

    Look-ups cost the same for ten services and for ten thousand: what a question needs is indexed here once.
    """

    services: dict[str, Service] = field(default_factory=dict)
    incomplete: dict[str, Incomplete] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    promotions: dict[str, Promotion] = field(default_factory=dict)
    webhooks: Webhooks = field(default_factory=Webhooks)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    freeze_overriders: tuple[str, ...] = ()
    access: Access = field(default_factory=Access)
    digest: str = ""

    def __post_init__(self) -> None:
        self._ordered = {ident: upstream_first(pipeline.stages) for ident, pipeline in self.pipelines.items()}
        self._stages: dict[tuple[str, ...], tuple[Stage, ...]] = {}
        self._stages_digests: dict[tuple[str, ...], str] = {}
        self._branches: dict[tuple[str, ...], Branches | None] = {}
        self._services_of_module: dict[str, list[str]] = {}
        self._dependents: dict[Lane, list[str]] = {}
        self._dependencies: dict[str, frozenset[Lane]] = {}
        self._asks_provenance: set[str] = set()
        configured = (self.webhooks, *(environment.webhooks for environment in self.environments.values()))
        listed = {type_ for webhooks in configured for type_ in webhooks.types()}
        self.webhook_types = frozenset(listed.union(*(one.types for one in self.endpoints.values())))
        """The types of notifications that some webhook is for."""
        self.notification_types = ALWAYS_SENT | self.webhook_types
        """The types of notifications to send."""
        for service in self.services.values():
            if service.pipelines not in self._stages:
                stages = tuple(stage for pipeline in service.pipelines for stage in self._ordered[pipeline])
                self._stages[service.pipelines] = stages
                self._branches[service.pipelines] = branches_of(self.pipelines[name] for name in service.pipelines)
                names = " ".join(stage.environment for stage in stages)
                branches = self._branches[service.pipelines]
                written, ending = (names, "") if branches is None else (f"{names} {branches}", BRANCHED)
                self._stages_digests[service.pipelines] = hashlib.sha256(written.encode()).hexdigest()[:16] + ending
            for module in service.artifacts:
                self._services_of_module.setdefault(module, []).append(service.ident)
            asked = self._asked(service)
            lanes = [(other.service, other.environment) for one in asked for other in one.dependencies]
            self._dependencies[service.ident] = frozenset(lanes)
            for lane in dict.fromkeys(lanes):
                self._dependents.setdefault(lane, []).append(service.ident)
            if any(one.asks_provenance for one in asked):
                self._asks_provenance.add(service.ident)

    def overrides_freezes(self, person: str) -> bool:
        """Whether a person's word may let something through a freeze."""
        return any(person in self.groups.get(group, ()) for group in self.freeze_overriders)

    def services_of(self, module: str) -> tuple[str, ...]:
        """The services that list a module (`group:name`), in the catalog's order."""
        return tuple(self._services_of_module.get(module, ()))

    def every_service(self) -> dict[str, Service]:
        """Those that are incomplete, too."""
        return self.services | {ident: one.service for ident, one in self.incomplete.items()}

    def incomplete_of(self, module: str) -> tuple[Incomplete, ...]:
        """The incomplete services that list a module."""
        return tuple(one for one in self.incomplete.values() if module in one.service.artifacts)

    def order_of(self, service: str) -> Order:
        """By what one release of a service is newer than another; of one that is not configured, by default."""
        return self.services.get(service, Service(ident=service)).order

    def stages(self, service: Service) -> tuple[Stage, ...]:
        """A service's stages, each after those that it waits for."""
        return self._stages[service.pipelines]

    def environments_of(self, service: str) -> tuple[str, ...]:
        """The environments of a service's stages, in their order; none for one that is not configured."""
        configured = self.services.get(service)
        return tuple(stage.environment for stage in self.stages(configured)) if configured is not None else ()

    def branches(self, service: str) -> Branches | None:
        """Which versions of a service go through which of its stages; None where all go through all."""
        configured = self.services.get(service)
        return self._branches[configured.pipelines] if configured is not None else None

    def stages_of(self, service: Service, version: str) -> tuple[Stage, ...]:
        """The stages of the pipelines that take a version."""
        stages, branches = self.stages(service), self._branches[service.pipelines]
        return (
            stages if branches is None else tuple(one for one in stages if branches.goes_to(one.environment, version))
        )

    def stages_digest(self, service: str) -> str | None:
        """Tells two sequences of stages, and of what goes through them, apart; None for a service that is not
        configured."""
        configured = self.services.get(service)
        return self._stages_digests[configured.pipelines] if configured is not None else None

    def exit_promotions(self, service: Service, stage: Stage) -> tuple[Promotion, ...]:
        """What must pass before a version of the service leaves the stage: its own and the stage's, each once."""
        return self._named(service.promotions + stage.promotions)

    def entry_promotions(self, environment: str) -> tuple[Promotion, ...]:
        """What must pass before anything enters the environment."""
        return self._named(self.environments[environment].entry)

    def promotions_of(self, service: str, environment: str) -> frozenset[str] | None:
        """The names of every gate of a lane, those of our own among them; None where it is not configured."""
        configured = self.services.get(service)
        stages = self.stages(configured) if configured is not None else ()
        stage = next((one for one in stages if one.environment == environment), None)
        if configured is None or stage is None:
            return None
        asked = (*self.entry_promotions(environment), *self.exit_promotions(configured, stage))
        return frozenset((*(one.ident for one in asked), *RESERVED))

    def dependencies(self, service: str) -> frozenset[Lane]:
        """The lanes of other services that a service's gates ask about."""
        return self._dependencies.get(service, frozenset())

    def dependents(self, service: str, environment: str) -> tuple[str, ...]:
        """The services whose gates ask about a lane."""
        return tuple(self._dependents.get((service, environment), ()))

    def asks_provenance(self, service: str) -> bool:
        """Whether any gate of the service asks who has signed its artifacts."""
        return service in self._asks_provenance

    def failure_strategy(self, service: Service, environment: str) -> FailureStrategy:
        """What follows a failure there: the environment's word, else the service's."""
        return self.environments[environment].failure_strategy or service.failure_strategy

    def retry(self, service: Service, environment: str) -> Retry:
        """How often a failed deployment is tried again there."""
        return self.environments[environment].retry or service.retry

    def fails_on_incident(self, service: Service, environment: str) -> bool:
        """Whether an incident there counts as a failure of what runs."""
        here = self.environments[environment].fail_on_incident
        return service.fail_on_incident if here is None else here

    def parallel(self, service: Service, environment: str) -> tuple[Parallel, ...]:
        """The groups of environments, of which the environment is one, that are not all worked on at a time."""
        groups = (group for pipeline in service.pipelines for group in self.pipelines[pipeline].parallel)
        return tuple(group for group in groups if environment in group.environments)

    @staticmethod
    def while_verifying(stage: Stage) -> WhileVerifying:
        """The stage's word, else `wait`: what is being verified is finished with, so that frequent releases make
        progress. With `supersede: all` each enters once the one before it is deployed."""
        return stage.while_verifying or ("replace" if stage.supersede == "all" else "wait")

    def orchestrators(self) -> dict[str, tuple[str, ...]]:
        """Each orchestrator with the environments whose commands it gets."""
        named: dict[str, list[str]] = {DEFAULT_ORCHESTRATOR: []}
        for environment in self.environments.values():
            named.setdefault(environment.orchestrator, []).append(environment.ident)
        return {orchestrator: tuple(sorted(idents)) for orchestrator, idents in sorted(named.items())}

    def _asked(self, service: Service) -> tuple[Promotion, ...]:
        """Every promotion that any gate of the service asks."""
        return tuple(
            promotion
            for stage in self.stages(service)
            for promotion in (*self.exit_promotions(service, stage), *self.entry_promotions(stage.environment))
        )

    def _named(self, idents: tuple[str, ...]) -> tuple[Promotion, ...]:
        return tuple(self.promotions[ident] for ident in dict.fromkeys(idents) if ident in self.promotions)
