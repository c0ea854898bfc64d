"""Incidents: those that are open."""

from collections.abc import Sequence

from deploydb.query.column import Column
from deploydb.query.resource import text
from deploydb.query.view import Ago, Body, Cell, Command, Table, View


def _row(incident: Body) -> Sequence[Cell]:
    lane = incident["service"], incident["environment"], incident["version"]
    return incident["name"], *lane, Ago(incident["since"]), incident["reason"]


VIEW = View(
    path="/api/incidents",
    parameters=(text("service", "Of this service."), text("environment", "In this environment.")),
    command=Command(
        purpose="Every incident that is open.",
        examples=("incidents", "incidents --service storefront -o json"),
        member="incidents",
        names=lambda body: (f"incident/{one['name'] or ''}" for one in body["incidents"]),
        columns=(
            Column("INCIDENT"),
            Column("SERVICE"),
            Column("ENVIRONMENT"),
            Column("VERSION", "version"),
            Column("SINCE", gives_way=1),
            Column("REASON", "text", gives_way=2),
        ),
        tables=lambda body: [Table(map(_row, body["incidents"]))],
        empty="No incident is open.",
    ),
)
