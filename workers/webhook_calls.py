"""The calls that a notification leads to: the URLs of v1's lists, with their bodies."""

from collections.abc import Iterable, Mapping

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.commands import Notification
from deploydb.domain.model.webhooks import Hook, hook_of
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.webhook_deliveries import NewDelivery
from deploydb.wire.v1_webhooks import (
    V1Artifact,
    V1DeploymentCall,
    V1PromotionCall,
    V1PromotionResult,
    encode_v1_call,
    v1_content_type,
    v1_time,
)

_RESULTS = {"PASS": "SUCCESS", "FAIL": "FAILED"}


def calls_of(
    catalog: Catalog, notifications: Iterable[Notification], known: Mapping[int, DeploymentView]
) -> list[NewDelivery]:
    """Each URL that is listed globally or by the environment, once for a notification, in the order of these."""
    return [call for notification in notifications for call in _calls(catalog, notification, known)]


def _calls(catalog: Catalog, notification: Notification, known: Mapping[int, DeploymentView]) -> Iterable[NewDelivery]:
    hook, view = hook_of(notification), known.get(notification.deployment)
    if hook is None or view is None:
        return
    environment = catalog.environments.get(view.environment)
    urls = (*catalog.webhooks.urls(hook), *(environment.webhooks.urls(hook) if environment is not None else ()))
    call = _call(notification, hook, view) if urls else None
    if call is None:
        return
    body = encode_v1_call(call)
    headers = {"content-type": v1_content_type(hook.subject, hook.state), "webhook-id": notification.id}
    for url in dict.fromkeys(urls):
        yield NewDelivery(
            endpoint=url,
            notification=notification.id,
            type=notification.type,
            service=view.service,
            environment=view.environment,
            deployment=view.id,
            headers=headers,
            body=body,
        )


def _call(notification: Notification, hook: Hook, view: DeploymentView) -> V1DeploymentCall | None:
    artifact = V1Artifact(
        id=view.artifact.id,
        group=view.artifact.group,
        name=view.artifact.name,
        version=view.artifact.version,
        source_url=view.artifact.url,
        created_at=v1_time(view.artifact.created_at),
    )
    call = V1DeploymentCall(
        id=view.id,
        artifact=artifact,
        status=hook.status,
        service=view.service,
        environment=view.environment,
        created_at=v1_time(view.created_at),
    )
    if hook.subject == "deployment":
        return call
    gate = ("exit", notification.promotion)
    result = next((result for result in view.results if result.gate == gate), None)
    if result is None:
        return None
    fields = {name: getattr(call, name) for name in call.__struct_fields__}
    about = V1PromotionResult(
        id=result.id,
        promotion=result.promotion,
        status=_RESULTS[notification.verdict or ""],
        info_url=result.url,
        created_at=v1_time(result.created_at),
    )
    return V1PromotionCall(**fields, promotion_result=about)
