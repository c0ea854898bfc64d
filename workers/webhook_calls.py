"""The calls that a notification leads to: the URLs of v1's lists, and the webhooks with a name; with their bodies."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote

from msgspec.structs import replace

from deploydb.broker.port import Delivery
from deploydb.broker.topology import NOTIFY_QUEUE
from deploydb.domain.formatting import error_text
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.commands import Notification
from deploydb.domain.model.trace import TraceContext, trace_of
from deploydb.domain.model.webhooks import Hook, hook_of
from deploydb.domain.notification_templates import TemplateProblem
from deploydb.reports.report import encode_report, is_reported, report_of
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.webhook_deliveries import NewDelivery
from deploydb.tracing import Tracer, messaging
from deploydb.wire.v1_webhooks import (
    V1Artifact,
    V1DeploymentCall,
    V1PromotionCall,
    V1PromotionResult,
    encode_v1_call,
    v1_content_type,
    v1_time,
)
from deploydb.wire.webhook_formats import formatted

from .webhook_endpoints import endpoint_name

_RESULTS = {"PASS": "SUCCESS", "FAIL": "FAILED"}


Unreported = Callable[[str, Notification], None]
"""Notes that an endpoint gets no report of a notification: its release names no whole commit."""


def calls_of(
    catalog: Catalog,
    notifications: Iterable[Notification],
    known: Mapping[int, DeploymentView],
    url: str,
    unreported: Unreported,
) -> list[NewDelivery]:
    """The calls in the order of the notifications: each URL that is listed globally or by the environment, and each
    webhook with a name that is for it, once. `url`: of the pages."""
    calls: list[NewDelivery] = []
    for notification in notifications:
        if notification.deployment is None:
            calls += _named(catalog, notification, url, unreported)
            continue
        view = known.get(notification.deployment)
        if view is not None:
            now = replace(notification, service=view.service, environment=view.environment)  # the names of now
            calls += _listed(catalog, now, view)
            calls += _named(catalog, now, url, unreported)
    return calls


def in_traces(calls: Iterable[NewDelivery], taken: Iterable[Delivery], tracer: Tracer) -> list[NewDelivery]:
    """The calls, each with the place in a trace of the message that brought its notification."""
    parents = {delivery.message_id: trace for delivery in taken if (trace := trace_of(delivery.headers)) is not None}
    if not parents:
        return list(calls)
    places: dict[str, TraceContext | None] = {}
    found: list[NewDelivery] = []
    for call in calls:
        if call.notification not in places and (parent := parents.get(call.notification)) is not None:
            attributes = messaging("process", NOTIFY_QUEUE, call.notification)
            span = tracer.begin(f"process {NOTIFY_QUEUE}", "consumer", parent, attributes)
            span.end()
            places[call.notification] = span.context
        place = places.get(call.notification)
        found.append(replace(call, headers=call.headers | place.headers()) if place is not None else call)
    return found


def _listed(catalog: Catalog, notification: Notification, view: DeploymentView) -> Iterator[NewDelivery]:
    hook = hook_of(notification)
    if hook is None:
        return
    environment = catalog.environments.get(view.environment)
    urls = (*catalog.webhooks.urls(hook), *(environment.webhooks.urls(hook) if environment is not None else ()))
    call = _call(notification, hook, view) if urls else None
    if call is None:
        return
    body, type_ = encode_v1_call(call), v1_content_type(hook.subject, hook.state)
    for url in dict.fromkeys(urls):
        yield _delivery(url, notification, type_, body)


def _named(catalog: Catalog, notification: Notification, url: str, unreported: Unreported) -> Iterator[NewDelivery]:
    for endpoint in catalog.endpoints.values():
        if endpoint.is_for(notification.type, notification.service, notification.environment):
            link = f"{url}/{_page(notification)}"
            template = (endpoint.content_type, endpoint.template or "")
            name = endpoint_name(endpoint, notification.service)
            if endpoint.report is not None:
                if is_reported(notification):
                    service = catalog.services.get(notification.service or "")
                    report = report_of(notification, link, service.artifacts if service is not None else ())
                    if report is None:
                        unreported(name, notification)
                    else:
                        yield _delivery(name, notification, "application/json", encode_report(report))
                continue
            try:
                type_, body = formatted(endpoint.format, notification, link=link, source=url, template=template)
            except Exception as error:  # the other calls are made all the same
                line = f"line {error.line} of the template: " if isinstance(error, TemplateProblem) else ""
                found = f"{line}{error}" if line else error_text(error)
                type_, body = formatted("json", notification, link=link, source=url)
                yield replace(_delivery(name, notification, type_, body), problem=found)
                continue
            yield _delivery(name, notification, type_, body)


def _page(notification: Notification) -> str:
    """The page about it, below the address of the pages."""
    if notification.flow is not None:
        part = f"#deployment-{notification.deployment}" if notification.deployment is not None else ""
        return f"flows/{notification.flow}{part}"
    return f"services/{quote(notification.service, '')}" if notification.service is not None else ""


def _delivery(endpoint: str, notification: Notification, content_type: str, body: str) -> NewDelivery:
    return NewDelivery(
        endpoint=endpoint,
        notification=notification.id,
        type=notification.type,
        service=notification.service,
        environment=notification.environment,
        deployment=notification.deployment,
        headers={"content-type": content_type, "webhook-id": notification.id},
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
