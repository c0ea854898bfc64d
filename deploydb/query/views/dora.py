"""DORA: how often, how fast, how safely, how soon recovered."""

from collections.abc import Iterator, Sequence

from deploydb.query.column import Column
from deploydb.query.resource import text
from deploydb.query.view import Body, Cell, Command, Table, View, lasting

WINDOW = "30d"
PATTERN = "[1-9][0-9]{0,3}[hdw]"


def _tables(body: Body) -> Iterator[Table]:
    frequency, failures = body["frequency"]["value"], body["failureRate"]["value"]
    values = {
        "deployment frequency": ("frequency", "-" if frequency is None else f"{frequency:.2f} a day"),
        "lead time": ("leadTime", _spread(body["leadTime"])),
        "change failure rate": (
            "failureRate",
            "-" if failures is None else f"{failures:.0%}{_causes(body['failureRate'])}",
        ),
        "recovery time": ("recovery", _spread(body["recovery"])),
    }
    rows = [(name, value, *_samples(body[member])) for name, (member, value) in values.items()]
    environments = ", ".join(body["environments"]) or "no environment"
    yield Table(rows, lead=(f"In {environments}, {body['since'][:10]} to {body['until'][:10]}:", ""))


def _causes(figure: Body) -> str:
    """`: 1 by deployment, 2 by incident`; nothing where none failed."""
    found = [f"{count} by {cause}" for cause, count in figure["causes"].items() if count]
    return f": {', '.join(found)}" if found else ""


def _samples(figure: Body) -> Sequence[Cell]:
    left_out = ", ".join(f"{one['count']} {one['why']}" for one in figure["excluded"])
    return figure["samples"], left_out, figure["definition"]


def _spread(figure: Body) -> str:
    if figure["p50"] is None:
        return "-"
    return f"p50 {lasting(figure['p50'])}, p90 {lasting(figure['p90'])}"


VIEW = View(
    path="/api/dora",
    parameters=(
        text("service", "Of this service only."),
        text("environment", "What counts as production, instead of each service's last stages."),
        text("window", f"How far back: 12h, 90d, 8w; {WINDOW} by default, at most a year.", pattern=PATTERN),
    ),
    momentary=True,
    template="dora.html",
    title="DORA",
    command=Command(
        purpose="Deployment frequency, lead time, failure rate, time to restore.",
        about="The four figures of DORA: deployment frequency, lead time, change failure rate, recovery time.\n\n"
        "Each with the number of samples that it is made from, what was left out, and what it means.",
        examples=("dora", "dora --service storefront --window 90d"),
        member="frequency",
        names=lambda _: ("frequency", "leadTime", "failureRate", "recovery"),
        columns=(
            Column("FIGURE"),
            Column("VALUE", "text"),
            Column("SAMPLES", gives_way=1),
            Column("LEFT OUT", "text", gives_way=2),
            Column("MEANS", "text", gives_way=3),
        ),
        tables=_tables,
    ),
)
