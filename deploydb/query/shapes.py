"""The v1 interface's bodies. Clients compare them whole: no key more, none less, in this order."""

import msgspec

from deploydb.domain.catalog import DeploymentWebhooks, Environment, Pipeline, Service, Webhooks
from deploydb.domain.promotions import Promotion
from deploydb.query.asking import Body, iso
from deploydb.store.queries.artifacts import ArtifactView
from deploydb.store.queries.deployments import DeploymentView, ResultView
from deploydb.store.queries.flows import FlowView

_RESULT_STATUS = {"PASS": "SUCCESS", "FAIL": "FAILED"}


def artifact_body(view: ArtifactView) -> Body:
    """Artifact."""
    return {
        "id": view.id,
        "group": view.group,
        "name": view.name,
        "version": view.version,
        "sourceUrl": view.url,
        "createdAt": iso(view.created_at),
    }


def deployment_body(view: DeploymentView) -> Body:
    """Deployment, with its artifact and promotion results."""
    return {
        "id": view.id,
        "artifact": artifact_body(view.artifact),
        "environment": view.environment,
        "service": view.service,
        "status": view.status,
        "promotions": [result_body(result, view) for result in view.results],
        "createdAt": iso(view.created_at),
    }


def result_body(view: ResultView, of: DeploymentView) -> Body:
    """Promotion result: NOT_STARTED until its deployment completes, then STARTED, then SUCCESS or FAILED."""
    asked = _RESULT_STATUS.get(view.outcome or "", "STARTED")
    return {
        "id": view.id,
        "promotion": view.promotion,
        "status": asked if of.completed else "NOT_STARTED",
        "infoUrl": view.url,
        "createdAt": iso(view.created_at),
    }


def flow_body(view: FlowView) -> Body:
    """Flow, with its deployments in the order of its stages."""
    return {
        "id": view.id,
        "artifact": artifact_body(view.artifact),
        "deployments": [deployment_body(deployment) for deployment in view.deployments],
        "service": view.service,
        "createdAt": iso(view.created_at),
    }


def service_body(service: Service) -> Body:
    """Service, as configured."""
    return {
        "ident": service.ident,
        "description": service.description,
        "artifacts": service.artifacts,
        "pipelines": service.pipelines,
        "promotions": service.promotions,
        "failure_strategy": service.failure_strategy.capitalize(),
    }


def environment_body(environment: Environment) -> Body:
    """Environment, as configured; what is not is null."""
    return {
        "ident": environment.ident,
        "description": environment.description,
        "webhooks": _webhooks_body(environment.webhooks),
    }


def _webhooks_body(webhooks: Webhooks) -> Body:
    deployment, promotion = webhooks.deployment or DeploymentWebhooks(), webhooks.promotion
    return {
        "deployment": {
            "created": deployment.created,
            "started": deployment.started,
            "completed": deployment.completed,
            "verified": deployment.verified,
        },
        "promotion": msgspec.structs.asdict(promotion) if promotion is not None else None,
    }


def pipeline_body(pipeline: Pipeline) -> Body:
    """Pipeline, as configured, its environments in order."""
    return {
        "ident": pipeline.ident,
        "description": pipeline.description,
        "environments": {stage.environment: {"promotions": stage.promotions} for stage in pipeline.stages},
    }


def promotion_body(promotion: Promotion) -> Body:
    """Promotion, as configured."""
    return {"ident": promotion.ident, "type": promotion.type, "description": promotion.description}
