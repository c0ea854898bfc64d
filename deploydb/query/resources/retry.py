"""Retry: `/api/retry/{service}/{environment}`, what another attempt of a version would do. It does nothing."""

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain import wording
from deploydb.domain.evaluation.decisions import RetryRequestResolved
from deploydb.domain.model.deployment import FactOrder
from deploydb.domain.model.overrides import RetryRequest
from deploydb.domain.model.reasons import NotRecorded
from deploydb.domain.model.retry_reasons import RetryOrdered
from deploydb.engine.assumed_evidence import AssumedEvidence
from deploydb.engine.ledger import Ledger
from deploydb.engine.settle import settle
from deploydb.http.errors import not_found, shown
from deploydb.query.existence import require_lane
from deploydb.query.hold_views import Held
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource, text
from deploydb.store.queries.retry import version_to_retry
from deploydb.store.snapshot import snapshots, with_flows


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
        (situation,) = snapshots(connection, [service], asked.catalog, asked.now, lock=False)
        situation = with_flows(connection, situation, environment, version)
    request = RetryRequest(
        event=0,
        environment=environment,
        version=version,
        by="",
        reason="",
        at=FactOrder(asked.now, "", ""),
        module=asked.option("artifact"),
        skip=tuple(filter(None, (asked.option("skip") or "").split(","))),
    )
    wanted = replace(situation, retries=(*situation.retries, request))
    ledger = Ledger.of(wanted, AssumedEvidence(wanted.evidence))
    made = [one for made in settle(asked.catalog, ledger, wanted, asked.now) for one in made.decisions]
    resolved = (one.reason for one in made if isinstance(one, RetryRequestResolved) and one.request is request)
    reason = next(resolved, NotRecorded())
    standing = Held([hold for hold in situation.holds if hold.stands(asked.now)], asked.catalog)
    over = standing.over(service, environment, {version})
    holds = [hold for hold in over if hold.kind != "pin" or hold.version != version]
    return RetryPlan(
        service=service,
        environment=environment,
        version=version,
        attempt=reason.attempt if isinstance(reason, RetryOrdered) else None,
        why=f"attempt {reason.attempt}" if isinstance(reason, RetryOrdered) else wording.text(reason),
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
