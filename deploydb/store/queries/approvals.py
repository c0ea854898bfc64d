"""Approvals and refusals of deployments."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.list_parameters import among
from deploydb.store.tables import approval


class WordView(Struct, frozen=True, kw_only=True):
    """A person's latest word on a deployment, for one manual promotion."""

    deployment: int
    promotion: str
    by: str
    given: bool
    comment: str | None
    time: datetime


def words_on(connection: sa.Connection, deployments: Collection[int]) -> list[WordView]:
    """The latest approvals and refusals of deployments, oldest first. Index: primary key of `approval`."""
    statement = (
        sa.select(
            approval.c.deployment_id,
            approval.c.promotion,
            approval.c.by,
            approval.c.given,
            approval.c.comment,
            approval.c.time,
        )
        .where(among(approval.c.deployment_id, sorted(deployments)))
        .order_by(approval.c.time, approval.c.by)
    )
    return [
        WordView(
            deployment=row.deployment_id,
            promotion=row.promotion,
            by=row.by,
            given=row.given,
            comment=row.comment,
            time=row.time,
        )
        for row in connection.execute(statement)
    ]
