"""Incidents of before revision 0003, as all their reports add up."""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
KEY = ("service", "environment", "name")
NAMED = ("version", "reason", "url")
AT = ("time", "source", "event_id")
SET = ("open", *NAMED, "began_at", "recorded_at", "event", *AT)
INCIDENT = sa.table(
    "incident",
    *map(sa.column, KEY),
    sa.column("open", sa.Boolean()),
    *map(sa.column, (*NAMED, "source", "event_id", "event")),
    *(sa.column(name, TIME) for name in ("time", "began_at", "recorded_at")),
)
EVENT = sa.table(
    "event",
    *map(sa.column, ("number", "source", "id", "type", "service", "environment")),
    *(sa.column(name, TIME) for name in ("time", "recorded_at")),
    sa.column("body", JSON),
)


def upgrade() -> None:
    connection = op.get_bind()
    wanted = sa.select(*(INCIDENT.c[name] for name in KEY)).where(INCIDENT.c.began_at.is_(None))
    keys = {tuple(row) for row in connection.execute(wanted)}
    if not keys:
        return
    reports = defaultdict(list)
    types = ["incident.detected", "incident.resolved"]
    for row in connection.execute(sa.select(EVENT).where(EVENT.c.type.in_(types))):
        reports[row.service, row.environment, row.body.get("incident") or ""].append(
            {
                "open": row.type == "incident.detected",
                **{name: row.body.get(name) for name in NAMED},
                "began_at": row.time,
                "recorded_at": row.recorded_at,
                "event": row.number,
                "time": row.time,
                "source": row.source,
                "event_id": row.id,
            }
        )
    rows = [
        {f"the_{name}": value for name, value in zip(KEY, key, strict=True)} | added_up(reports[key])
        for key in sorted(keys & reports.keys())
    ]
    statement = (
        sa.update(INCIDENT)
        .where(*(INCIDENT.c[name] == sa.bindparam(f"the_{name}") for name in KEY))
        .values({name: sa.bindparam(name) for name in SET})
    )
    if rows:
        connection.execute(statement, rows)


def added_up(reports: list[dict[str, Any]]) -> dict[str, Any]:
    first, *later = sorted(reports, key=lambda report: tuple(report[name] for name in AT))
    found = first if first["open"] else first | {"began_at": None}
    for report in later:
        if report["open"] and not found["open"]:
            found = report
        elif report["open"]:
            found = found | {name: report[name] or found[name] for name in NAMED} | {name: report[name] for name in AT}
        elif found["open"]:
            found = report | {name: found[name] for name in ("version", "began_at")}
        else:
            found = found | {name: report[name] for name in AT}
    return found
