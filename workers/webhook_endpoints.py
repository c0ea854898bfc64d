"""How the call of an endpoint is made: a URL of a list, or a webhook with a name, its address and its secrets."""

from collections.abc import Callable
from datetime import datetime, timedelta

from deploydb.broker.address import EmbeddedAddress, parse_address
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.model.webhooks import Endpoint
from deploydb.egress import EgressPolicy, NoAnswer, Request
from deploydb.egress.signatures import signature_headers
from deploydb.settings import Settings
from deploydb.store.webhook_deliveries import OpenDelivery
from deploydb.wire.webhook_formats import with_routing_key

TIMEOUT = timedelta(seconds=10)
ANSWER_BYTES = 4096
NAMED = "webhook/"
"""How the endpoint of a webhook with a name begins; a URL of a list has `://`. Reports have one for each service: what
a repository refuses delays no other."""

_LOOPBACK = "127.0.0.0/8,::1"

Variable = Callable[[str], str | None]
"""The value of an environment variable, or of the file that it names."""


def policy_of(given: Settings) -> EgressPolicy:
    """The addresses that webhooks may have. The embedded DeployDB serves one machine: its webhooks may be on loopback,
    unless `DEPLOYDB_OUTGOING_ALLOW` is set. Raises: Misconfigured for a wrong setting."""
    embedded = isinstance(parse_address(given.broker_url), EmbeddedAddress)
    return EgressPolicy.parse(given.outgoing_allow or (_LOOPBACK if embedded else ""))


def endpoint_name(named: Endpoint, service: str | None) -> str:
    """The name of the endpoint of a webhook with a name, for a service."""
    return f"{NAMED}{named.ident}" if named.report is None else f"{NAMED}{named.ident}/{service}"


def named_endpoint(catalog: Catalog, endpoint: str) -> Endpoint | None:
    """The webhook with a name that an endpoint is of, where it is configured."""
    return catalog.endpoints.get(endpoint.removeprefix(NAMED).partition("/")[0]) if _is_named(endpoint) else None


def _is_named(endpoint: str) -> bool:
    return endpoint.startswith(NAMED)


def request_to(
    endpoint: str, delivery: OpenDelivery, catalog: Catalog, variable: Variable, now: datetime
) -> Request | NoAnswer:
    """The request, signed now where the webhook has secrets; or why there is none."""
    url, body, headers = endpoint, delivery.body, dict(delivery.headers)
    if _is_named(endpoint):
        named = named_endpoint(catalog, endpoint)
        if named is None:
            file = endpoint.removeprefix(NAMED).partition("/")[0]
            return NoAnswer(reason=f"{NAMED}{file}.yml is not configured any more", asked=False)
        try:
            url = named.url or value_of_variable(named.url_from or "", variable)
            secrets = [value_of_variable(name, variable) for name in named.secret_from]
            if named.format == "pagerduty":
                body = with_routing_key(body, secrets[0])
            elif secrets:
                headers |= signature_headers(secrets, delivery.notification, body, now)
        except Misconfigured as error:
            return NoAnswer(reason=str(error), asked=False)
    return Request(
        url=url,
        method="POST",
        body=body,
        headers=tuple(headers.items()),
        timeout=TIMEOUT,
        limit_bytes=ANSWER_BYTES,
    )


def value_of_variable(name: str, variable: Variable) -> str:
    """The value of a variable of webhooks. Raises: Misconfigured where it has none."""
    value = variable(name)
    if not value:
        raise Misconfigured(f"{name} is not set: set it, or {name}_FILE, for notify")
    return value
