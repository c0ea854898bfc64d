"""Retry: `/api/retry/{service}/{environment}`, what another attempt of a version would do. It does nothing."""

from msgspec import Struct

from deploydb.domain import wording
from deploydb.domain.model.facts import RetryRequested
from deploydb.domain.model.retry_reasons import RetryOrdered
from deploydb.http.errors import not_found, shown
from deploydb.query.existence import near_version, require_lane, unknown_module
from deploydb.query.hold_views import Held
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, text
from deploydb.store.effects.retry import retry_in
from deploydb.store.queries.retry import version_to_retry


class RetryPlan(Struct, frozen=True, kw_only=True):
    """What an attempt would be, or why there can be none. `holds`: those that it would wait for."""

    service: str
    environment: str
    version: str
    attempt: int | None
    why: str
    holds: list[str]
    possible: bool


def retry(asked: RequestContext) -> RetryPlan:
    """The attempt that would be made of a version, or the obstacle. `decide` itself is asked what it would do."""
    service, environment = asked.name("service"), asked.name("environment")
    with asked.store() as connection:
        require_lane(connection, asked.catalog, service, environment)
        if service not in asked.catalog.services:
            raise not_found(f"{shown(service)} is not configured: nothing of it is attempted again")
        version = asked.option("version") or version_to_retry(connection, service, environment)
        if version is None:
            raise not_found(f"nothing of {service} has been deployed to {environment}")
        skip = tuple(filter(None, (asked.option("skip") or "").split(",")))
        wanted = RetryRequested(
            id="",
            source="",
            service=service,
            environment=environment,
            version=version,
            by="",
            reason="",
            artifact=asked.option("artifact"),
            skip=skip,
        )
        gone = unknown_module(asked.catalog, service, asked.option("artifact"))
        if gone is not None:
            raise gone
        near = near_version(connection, asked.catalog, service, asked.option("version"))
        reason, situation = retry_in(connection, asked.catalog, wanted, asked.now)
    standing = Held([hold for hold in situation.holds if hold.stands(asked.now)], asked.catalog)
    over = standing.over(service, environment, {version})
    holds = [hold for hold in over if hold.kind != "pin" or hold.version != version]
    return RetryPlan(
        service=service,
        environment=environment,
        version=version,
        attempt=reason.attempt if isinstance(reason, RetryOrdered) else None,
        why=f"attempt {reason.attempt}" if isinstance(reason, RetryOrdered) else f"{wording.text(reason)}{near}",
        holds=[wording.text(hold.held) for hold in holds],
        possible=isinstance(reason, RetryOrdered),
    )


RESOURCES = (
    Resource(
        path="/api/retry/{service}/{environment}",
        read=retry,
        parameters=(
            text("version", "The version; without it the last deployed one where it failed, else what runs."),
            text("artifact", "The module, GROUP:NAME, of a service that has several."),
            text("skip", "Promotions that the attempt would not have to pass, with commas between them."),
        ),
        momentary=True,
    ),
)
