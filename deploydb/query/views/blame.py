"""Blame: what changed in the hours before."""

from collections.abc import Sequence

from deploydb.query.column import Column
from deploydb.query.resource import moment, number, text
from deploydb.query.view import Ago, Body, Cell, Command, Table, View

HOURS, MOST_HOURS = 24, 24 * 31


def _row(change: Body) -> Sequence[Cell]:
    version = change["version"] or ""
    if change["previous"] is not None:
        version = f"{version} (before: {change['previous']})"
    what = f"{change['kind']}: {change['what']}" if change["what"] else change["kind"]
    lane = change["service"] or "all", change["environment"] or "all"
    return Ago(change["time"]), what, *lane, version, change["who"], change["reason"]


VIEW = View(
    path="/api/blame",
    parameters=(
        text("environment", "Of this environment, and of all."),
        text("service", "Of this service, and of all."),
        moment("at", "The hours before this time in the past, instead of now."),
        number("hours", f"How many hours; {HOURS} by default.", least=1, most=MOST_HOURS, default=HOURS),
    ),
    momentary=True,
    arguments=("environment",),
    template="blame.html",
    title="Blame",
    command=Command(
        purpose="What changed in the hours before.",
        about="What changed in ENVIRONMENT, or anywhere, in the hours before, newest first: what came to run, failed, "
        "was approved, overridden, held or released, and incidents.",
        examples=("blame prod", "blame prod --hours 3 --at 2026-11-22T14:05:00Z"),
        member="changes",
        names=lambda body: (f"event/{one['event']}" for one in body["changes"]),
        columns=(
            Column("WHEN"),
            Column("WHAT", "text"),
            Column("SERVICE"),
            Column("ENVIRONMENT"),
            Column("VERSION", "text"),
            Column("BY", gives_way=2),
            Column("REASON", "text", gives_way=1),
        ),
        tables=lambda body: [Table(map(_row, body["changes"]))],
        empty="Nothing changed in these {hours} h.",
        more="There is more: ask for fewer hours, or for one service.",
    ),
)
