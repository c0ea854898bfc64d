"""Holds: what stops automation, now or from a time on."""

from collections.abc import Sequence

from deploydb.query.column import Column
from deploydb.query.resource import text
from deploydb.query.view import Ago, Body, Cell, Command, Table, Until, View


def _row(hold: Body) -> Sequence[Cell]:
    lane = hold["service"] or "all", hold["environment"] or "all"
    begins = Until(hold["from"]) if hold["from"] else Ago(hold["since"])
    return hold["kind"], *lane, hold["version"], hold["by"], begins, Until(hold["until"]), hold["id"], hold["reason"]


VIEW = View(
    path="/api/holds",
    parameters=(text("service", "Over this service."), text("environment", "Over this environment.")),
    command=Command(
        purpose="Every pin, veto, freeze and pause that stands, or begins later.",
        examples=("holds", "holds --service storefront -o json"),
        member="holds",
        names=lambda body: (f"hold/{one['kind']}/{one['id']}" for one in body["holds"]),
        columns=(
            Column("HOLD"),
            Column("SERVICE"),
            Column("ENVIRONMENT"),
            Column("VERSION", "version"),
            Column("BY", gives_way=2),
            Column("SINCE", gives_way=3),
            Column("ENDS", gives_way=1),
            Column("ID", gives_way=4),
            Column("REASON", "text"),
        ),
        tables=lambda body: [Table(map(_row, body["holds"]))],
        empty="Nothing is held.",
    ),
)
