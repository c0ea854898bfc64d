"""What another attempt that a person wants would be, tried with `decide` before it is requested."""

from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import RetryRequestResolved, ServiceSnapshot
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import FactOrder
from deploydb.domain.model.facts import RetryRequested
from deploydb.domain.model.overrides import RetryRequest
from deploydb.domain.model.reasons import Reason
from deploydb.engine.settle import settled
from deploydb.store.snapshot import snapshots, with_flows


def retry_outcome(connection: sa.Connection, catalog: Catalog, fact: RetryRequested, now: datetime) -> Reason:
    """`RetryOrdered`, or the obstacle."""
    return retry_in(connection, catalog, fact, now)[0]


def retry_in(
    connection: sa.Connection, catalog: Catalog, fact: RetryRequested, now: datetime
) -> tuple[Reason, ServiceSnapshot]:
    """`RetryOrdered`, or the obstacle; and the snapshot that it comes from."""
    (snapshot,) = snapshots(connection, [fact.service], catalog, now, lock=False)
    snapshot = with_flows(connection, catalog, snapshot, fact.environment, fact.version)
    request = RetryRequest(
        event=0,
        environment=fact.environment,
        version=fact.version,
        by=fact.by,
        reason=fact.reason,
        at=FactOrder(now, "", ""),
        module=fact.artifact,
        skip=fact.skip,
    )
    wanted = replace(snapshot, retries=(*snapshot.retries, request))
    decisions = settled(catalog, wanted, now).decisions
    resolved = (one for one in decisions if isinstance(one, RetryRequestResolved) and one.request is request)
    return next(resolved).reason, snapshot
