"""`plan`: what would happen to a version if it came now."""

from datetime import datetime, timedelta

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import arguments
from deploydb.cli.output import is_shown, output_option, show_table
from deploydb.domain.gates.formatting import in_words


@click.command()
@arguments("service", "version")
@output_option
def plan(service: str, version: str, output: str) -> None:
    """What would happen if VERSION of SERVICE came now: stages, gates, and when it would be where.

    Times are reckoned from how long the same steps took before: in the middle, and nine times in ten at most. What has
    never been done is unknown, and so is what comes after it.

    \b
    Examples:
      deploydb plan storefront 1.5.0
      deploydb plan storefront 1.5.0 -o json
    """
    body = ask("plan", service, version=version)
    if is_shown(output, body, lambda: (f"environment/{one['environment']}" for one in body["stages"])):
        return
    now = datetime.fromisoformat(body["now"])
    rows = [
        [
            stage["environment"],
            _takes(stage["takes"]),
            "; ".join(_gate(gate) for gate in stage["gates"]) or "none",
            _span(stage["verified"], now),
            "; ".join(stage["obstacles"]),
        ]
        for stage in body["stages"]
    ]
    headings = ["ENVIRONMENT", "DEPLOYMENT", "GATES", "THROUGH (p50, p90)", "IN THE WAY NOW"]
    show_table(headings, rows, empty=f"{service} goes through no stage")


def _gate(gate: Body) -> str:
    door = " (entry)" if gate["asked"] == "entry" else ""
    return f"{gate['promotion']}{door} {_takes(gate['takes'])}"


def _takes(takes: Body | None) -> str:
    if takes is None:
        return "unknown"
    middle, slow = (in_words(timedelta(seconds=round(takes[share]))) for share in ("p50", "p90"))
    counted = f" of {takes['samples']}" if takes["samples"] else ""
    return middle if middle == slow else f"{middle}–{slow}{counted}"


def _span(span: Body | None, now: datetime) -> str:
    if span is None:
        return "unknown"
    left = ((datetime.fromisoformat(span[share]) - now).total_seconds() for share in ("p50", "p90"))
    return ", ".join(f"in {in_words(timedelta(seconds=round(seconds)))}" for seconds in left)
