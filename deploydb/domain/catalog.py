"""What is configured: services, environments, pipelines with their stages, promotions. Values, read from YAML.

A catalog is consistent: `configuration` builds one only where every name refers to something, no stage waits for
itself, and a service meets each environment once. What reads a catalog need not check again.
"""

from datetime import timedelta
from typing import Literal

from msgspec import Struct

Order = Literal["published", "version"]
"""What makes a version newer: published later (the default, real histories have backports), or a higher number."""
WhileVerifying = Literal["replace", "wait"]
"""Whether a newer version may take the place of one whose exit gates still run."""
FailureStrategy = Literal["stop"]
"""What follows a failure: `stop` leaves things as they are for people to look at."""

DEFAULT_ORCHESTRATOR = "default"


class VerificationPromotion(Struct, frozen=True, kw_only=True):
    """A named job must report `passed`, within `timeout` of the deployment's finish where there is one."""

    ident: str
    type: str = "VerificationPromotion"
    description: str = ""
    timeout: timedelta | None = None


class ManualPromotion(Struct, frozen=True, kw_only=True):
    """`approvals` different people must say yes; one no is a no. The author counts only with `allow_author`."""

    ident: str
    type: str = "ManualPromotion"
    description: str = ""
    approvals: int = 1
    allow_author: bool = True


class SoakPromotion(Struct, frozen=True, kw_only=True):
    """The version must have run for `duration`."""

    ident: str
    duration: timedelta
    type: str = "SoakPromotion"
    description: str = ""


Promotion = VerificationPromotion | ManualPromotion | SoakPromotion


class DeploymentWebhooks(Struct, frozen=True, kw_only=True):
    """URLs by the state that a deployment reached."""

    created: tuple[str, ...] | None = None
    started: tuple[str, ...] | None = None
    completed: tuple[str, ...] | None = None
    verified: tuple[str, ...] | None = None
    failed: tuple[str, ...] | None = None


class PromotionWebhooks(Struct, frozen=True, kw_only=True):
    """URLs by the state that a promotion reached."""

    completed: tuple[str, ...] | None = None


class Webhooks(Struct, frozen=True, kw_only=True):
    """Who is called when something changes state."""

    deployment: DeploymentWebhooks | None = None
    promotion: PromotionWebhooks | None = None


class Environment(Struct, frozen=True, kw_only=True):
    """Where services run. `orchestrator` names the queue that gets its commands; `entry` gates guard its door."""

    ident: str
    description: str = ""
    orchestrator: str = DEFAULT_ORCHESTRATOR
    entry: tuple[str, ...] = ()
    deadline: timedelta = timedelta(hours=1)
    webhooks: Webhooks = Webhooks()


class After(Struct, frozen=True, kw_only=True):
    """The stages that come before one: all of them must have succeeded, or any. Empty: the pipeline starts here."""

    environments: tuple[str, ...] = ()
    need: Literal["all", "any"] = "all"


class Stage(Struct, frozen=True, kw_only=True):
    """An environment's place in a pipeline. `promotions` must pass before anything leaves it."""

    environment: str
    promotions: tuple[str, ...] = ()
    after: After = After()
    while_verifying: WhileVerifying | None = None


class Pipeline(Struct, frozen=True, kw_only=True):
    """Stages, in the order of the file; each comes after the one above it unless it says otherwise."""

    ident: str
    description: str = ""
    stages: tuple[Stage, ...] = ()


class Service(Struct, frozen=True, kw_only=True):
    """What is deployed as one: its modules, the pipelines they go through, the promotions that hold in every stage."""

    ident: str
    description: str = ""
    artifacts: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    promotions: tuple[str, ...] = ()
    failure_strategy: FailureStrategy = "stop"
    order: Order = "published"


class Catalog:
    """Everything configured, by ident. Immutable; `digest` tells two catalogs apart.

    Look-ups cost the same for ten services and for ten thousand: what a question needs is indexed here once.
    """

    def __init__(
        self,
        *,
        services: dict[str, Service] | None = None,
        environments: dict[str, Environment] | None = None,
        pipelines: dict[str, Pipeline] | None = None,
        promotions: dict[str, Promotion] | None = None,
        webhooks: Webhooks | None = None,
        digest: str = "",
    ) -> None:
        self.services = services or {}
        self.environments = environments or {}
        self.pipelines = pipelines or {}
        self.promotions = promotions or {}
        self.webhooks = webhooks or Webhooks()
        self.digest = digest
        self._services_of_module: dict[str, list[str]] = {}
        for service in self.services.values():
            for module in service.artifacts:
                self._services_of_module.setdefault(module, []).append(service.ident)

    def services_of(self, module: str) -> tuple[str, ...]:
        """The services that list a module (`group:name`), in the catalog's order."""
        return tuple(self._services_of_module.get(module, ()))

    def stages(self, service: Service) -> tuple[Stage, ...]:
        """A service's stages, each after those that it waits for."""
        return tuple(
            stage for pipeline in service.pipelines for stage in _upstream_first(self.pipelines[pipeline].stages)
        )

    def exit_promotions(self, service: Service, stage: Stage) -> tuple[Promotion, ...]:
        """What must pass before a version of the service leaves the stage: its own and the stage's, each once."""
        return self._named(service.promotions + stage.promotions)

    def entry_promotions(self, environment: str) -> tuple[Promotion, ...]:
        """What must pass before anything enters the environment."""
        return self._named(self.environments[environment].entry)

    def while_verifying(self, service: Service, stage: Stage) -> WhileVerifying:
        """The stage's word, or `wait` where a soak or a person would be starved by frequent releases."""
        if stage.while_verifying is not None:
            return stage.while_verifying
        slow = any(
            isinstance(promotion, SoakPromotion | ManualPromotion) for promotion in self.exit_promotions(service, stage)
        )
        return "wait" if slow else "replace"

    def orchestrators(self) -> dict[str, tuple[str, ...]]:
        """Each orchestrator with the environments whose commands it gets."""
        named: dict[str, list[str]] = {DEFAULT_ORCHESTRATOR: []}
        for environment in self.environments.values():
            named.setdefault(environment.orchestrator, []).append(environment.ident)
        return {orchestrator: tuple(sorted(idents)) for orchestrator, idents in sorted(named.items())}

    def _named(self, idents: tuple[str, ...]) -> tuple[Promotion, ...]:
        return tuple(self.promotions[ident] for ident in dict.fromkeys(idents))


def _upstream_first(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages in topological order, the file's order among equals. Stages in a cycle come last."""
    ordered: dict[str, Stage] = {}
    waiting = list(stages)
    while waiting:
        ready = [stage for stage in waiting if all(name in ordered for name in stage.after.environments)]
        for stage in ready or waiting:
            ordered[stage.environment] = stage
        waiting = [stage for stage in waiting if stage.environment not in ordered]
    return tuple(ordered.values())
