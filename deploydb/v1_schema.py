"""The v1 interface's bodies. Clients compare them whole: no key more, none less, in this order.

The query service reads them, and the gateway answers writes with them.
"""

from datetime import UTC, datetime
from typing import Self, TypeVar

from msgspec import Struct, structs

from deploydb.domain import gates
from deploydb.domain.model import catalog as configured
from deploydb.domain.model.webhooks import DeploymentWebhooks, PromotionWebhooks
from deploydb.store.queries.artifacts import ArtifactView
from deploydb.store.queries.deployments import DeploymentView, ResultView
from deploydb.store.queries.flows import FlowView

_RESULT_STATUS = {"PASS": "SUCCESS", "FAIL": "FAILED"}
B = TypeVar("B", bound=Struct)


def instant(moment: datetime) -> str:
    """A time as clients of v1 have seen it: ISO 8601 in UTC, with milliseconds."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _body(kind: type[B], view: object, /, **given: object) -> B:
    """A body with the attributes of `view` that its fields are named after, but for the fields that are `given`."""
    return kind(**{name: given[name] if name in given else getattr(view, name) for name in kind.__struct_fields__})


class Artifact(Struct, frozen=True, kw_only=True, rename="camel"):
    """One version of a module."""

    id: int
    group: str
    name: str
    version: str
    source_url: str | None
    created_at: str

    @classmethod
    def of(cls, view: ArtifactView) -> "Artifact":
        return _body(cls, view, source_url=view.url, created_at=instant(view.created_at))


class PromotionResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a promotion says of a deployment: NOT_STARTED until it completes, then STARTED, then SUCCESS or FAILED."""

    id: int
    promotion: str
    status: str
    info_url: str | None
    created_at: str

    @classmethod
    def of(cls, view: ResultView, deployment: DeploymentView) -> "PromotionResult":
        asked = _RESULT_STATUS.get(view.outcome or "", "STARTED")
        return cls(  # by hand: it is the most frequent of all bodies
            id=view.id,
            promotion=view.promotion,
            status=asked if deployment.completed else "NOT_STARTED",
            info_url=view.url,
            created_at=instant(view.created_at),
        )


class Deployment(Struct, frozen=True, kw_only=True, rename="camel"):
    """One attempt to have an artifact in an environment, with its promotion results."""

    id: int
    artifact: Artifact
    environment: str
    service: str
    status: str
    promotions: list[PromotionResult]
    created_at: str

    @classmethod
    def of(cls, view: DeploymentView) -> "Deployment":
        results = [PromotionResult.of(result, view) for result in results_of(view)]
        artifact, created_at = Artifact.of(view.artifact), instant(view.created_at)
        return _body(cls, view, artifact=artifact, promotions=results, created_at=created_at)


def results_of(view: DeploymentView) -> list[ResultView]:
    """One for each promotion: of one that is asked before the deployment and after it, what it says after it."""
    exits = {result.promotion for result in view.results if result.phase == "exit"}
    return [result for result in view.results if result.phase == "exit" or result.promotion not in exits]


class Flow(Struct, frozen=True, kw_only=True, rename="camel"):
    """One release's way through a service's stages, its deployments in their order."""

    id: int
    artifact: Artifact
    deployments: list[Deployment]
    service: str
    created_at: str

    @classmethod
    def of(cls, view: FlowView) -> "Flow":
        deployments = [Deployment.of(deployment) for deployment in view.deployments]
        artifact, created_at = Artifact.of(view.artifact), instant(view.created_at)
        return _body(cls, view, artifact=artifact, deployments=deployments, created_at=created_at)


class Service(Struct, frozen=True, kw_only=True):
    """A service, as configured."""

    ident: str
    description: str
    artifacts: tuple[str, ...]
    pipelines: tuple[str, ...]
    promotions: tuple[str, ...]
    failure_strategy: str

    @classmethod
    def of(cls, service: configured.Service) -> Self:
        return _body(cls, service, failure_strategy=service.failure_strategy.capitalize())


class DescribedService(Service, frozen=True, kw_only=True, omit_defaults=True):
    """A service, as configured, with its metadata where it is configured; `code_hosting`: where the host of the
    repository does not tell it."""

    repository: str | None = None
    code_hosting: str | None = None
    team: str | None = None
    chat: str | None = None
    runbook: str | None = None
    labels: dict[str, str] = {}

    @classmethod
    def of(cls, service: configured.Service) -> Self:
        metadata = structs.asdict(service.known_metadata)
        return _body(cls, service, failure_strategy=service.failure_strategy.capitalize(), **metadata)


class DeploymentHooks(Struct, frozen=True, kw_only=True):
    """Whom an environment tells of deployments; null for what is not configured."""

    created: tuple[str, ...] | None
    started: tuple[str, ...] | None
    completed: tuple[str, ...] | None
    verified: tuple[str, ...] | None


class Hooks(Struct, frozen=True, kw_only=True):
    """Whom an environment tells of what; null for what is not configured."""

    deployment: DeploymentHooks
    promotion: PromotionWebhooks | None


class Environment(Struct, frozen=True, kw_only=True):
    """An environment, as configured."""

    ident: str
    description: str
    webhooks: Hooks

    @classmethod
    def of(cls, environment: configured.Environment) -> "Environment":
        hooks = _body(DeploymentHooks, environment.webhooks.deployment or DeploymentWebhooks())
        return _body(cls, environment, webhooks=Hooks(deployment=hooks, promotion=environment.webhooks.promotion))


class PipelineStage(Struct, frozen=True, kw_only=True):
    """An environment's place in a pipeline."""

    promotions: tuple[str, ...]


class Pipeline(Struct, frozen=True, kw_only=True):
    """A pipeline, as configured, its environments in order."""

    ident: str
    description: str
    environments: dict[str, PipelineStage]

    @classmethod
    def of(cls, pipeline: configured.Pipeline) -> "Pipeline":
        environments = {stage.environment: _body(PipelineStage, stage) for stage in pipeline.stages}
        return _body(cls, pipeline, environments=environments)


class Promotion(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A promotion, as configured; `attributes` where its file has some."""

    ident: str
    type: str
    description: str
    attributes: dict[str, str] | None = None

    @classmethod
    def of(cls, promotion: gates.Promotion) -> "Promotion":
        return _body(cls, promotion, attributes=getattr(promotion, "attributes", None) or None)
