"""Plan: what would happen to a version if it came now."""

from collections.abc import Iterator
from datetime import datetime

from deploydb.query.column import Column
from deploydb.query.resource import needed
from deploydb.query.view import Body, Command, Table, View, lasting


def _tables(body: Body) -> Iterator[Table]:
    now = datetime.fromisoformat(body["now"])
    yield Table(
        (
            stage["environment"],
            _takes(stage["takes"]),
            "; ".join(map(_gate, stage["gates"])) or "none",
            _span(stage["verified"], stage["verifiedApproved"], now),
            "; ".join([*((stage["outlook"]["text"],) if "outlook" in stage else ()), *stage["obstacles"]]),
        )
        for stage in body["stages"]
    )


def _gate(gate: Body) -> str:
    return f"{gate['promotion']}{' (entry)' if gate['asked'] == 'entry' else ''} {_takes(gate['takes'])}"


def _takes(takes: Body | None) -> str:
    if takes is None:
        return "unknown"
    middle, slow = (lasting(takes[share]) for share in ("p50", "p90"))
    counted = f" of {takes['samples']}" if takes["samples"] else ""
    return middle if middle == slow else f"{middle}–{slow}{counted}"


def _span(span: Body | None, approved: str | None, now: datetime) -> str:
    if span is None:
        return "unknown"
    left = ((datetime.fromisoformat(span[share]) - now).total_seconds() for share in ("p50", "p90"))
    times = ", ".join(f"in {lasting(seconds)}" for seconds in left)
    if approved is None:
        return times
    earliest = (datetime.fromisoformat(approved) - now).total_seconds()
    return f"when approved{f', earliest in {lasting(earliest)}' if earliest > 0 else ''} ({times})"


VIEW = View(
    path="/api/plan/{service}",
    parameters=(needed("version", "Which version would come."),),
    momentary=True,
    arguments=("version",),
    command=Command(
        purpose="What would happen to a version if it came now.",
        about="What would happen if VERSION of SERVICE came now: stages, gates, and when it would be where.\n\n"
        "Times are reckoned from how long the same steps took before: in the middle, and nine times in ten at most. "
        "What has never been done is unknown, and so is what comes after it.",
        examples=("plan storefront 1.5.0", "plan storefront 1.5.0 -o json"),
        member="stages",
        names=lambda body: (f"environment/{one['environment']}" for one in body["stages"]),
        columns=(
            Column("ENVIRONMENT"),
            Column("DEPLOYMENT", gives_way=2),
            Column("GATES", "text", gives_way=1),
            Column("THROUGH (p50, p90)", "text"),
            Column("IN THE WAY NOW", "text"),
        ),
        tables=_tables,
        empty="{service} goes through no stage",
    ),
)
