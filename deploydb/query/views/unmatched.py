"""Unmatched facts: those about unknown deployments, and for unknown promotions."""

from collections.abc import Sequence

from deploydb.query.column import Column
from deploydb.query.resource import number, text
from deploydb.query.view import Ago, Body, Cell, Command, Table, View


def _row(fact: Body) -> Sequence[Cell]:
    lane = fact["service"], fact["environment"], fact["version"], fact["promotion"]
    return fact["number"], Ago(fact["time"]), fact["type"], *lane, fact["source"], fact["why"]


VIEW = View(
    path="/api/unmatched",
    parameters=(
        text("service", "That name this service."),
        text("environment", "That name this environment."),
        number("limit", "How many, newest first.", least=1, most=1000, default=100),
    ),
    command=Command(
        purpose="Facts that match no deployment, promotion or pipeline.",
        about="Facts that match no deployment, or no promotion of its lane, and releases that no pipeline takes, "
        "newest first.\n\nA release waits until a pipeline takes it, or a person promotes it. A fact that came before "
        "its deployment is matched later. For another, correct its source, and publish it again.",
        examples=("unmatched", "unmatched --service storefront -o json"),
        member="unmatched",
        names=lambda body: (f"event/{one['number']}" for one in body["unmatched"]),
        columns=(
            Column("NUMBER", gives_way=4),
            Column("TIME", gives_way=2),
            Column("TYPE"),
            Column("SERVICE"),
            Column("ENVIRONMENT"),
            Column("VERSION", "version"),
            Column("PROMOTION", gives_way=1),
            Column("SOURCE", gives_way=3),
            Column("WHY", "text"),
        ),
        tables=lambda body: [Table(map(_row, body["unmatched"]))],
        empty="Every fact has found its deployment, its promotion and its pipeline.",
        more="There are more: ask for a higher --limit.",
    ),
)
