"""`deploydb blame`: what changed in the hours before."""

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import past_option
from deploydb.cli.output import ago, is_shown, output_option, reason_text, show_table


@click.command()
@click.argument("environment", required=False)
@click.option("--service", metavar="NAME", help="Of this service, and what concerns all.")
@click.option("--hours", type=click.IntRange(1, 744), default=24, show_default=True, help="How far back.")
@past_option("--at", help="The hours before then: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@output_option
def blame(environment: str | None, service: str | None, hours: int, at: str | None, output: str) -> None:
    """What changed in ENVIRONMENT, or anywhere, in the hours before, newest first: what came to run, failed, was
    approved, overridden, held or released, and incidents.

    \b
    Examples:
      deploydb blame prod
      deploydb blame prod --hours 3 --at 2026-11-22T14:05:00Z
    """
    body = ask("blame", environment=environment, service=service, hours=hours, at=at)
    if is_shown(output, body, lambda: (f"event/{one['event']}" for one in body["changes"])):
        return
    rows = [_row(change) for change in body["changes"]]
    headings = ["WHEN", "WHAT", "SERVICE", "ENVIRONMENT", "VERSION", "BY", "BECAUSE"]
    show_table(headings, rows, empty=f"Nothing changed in these {hours} h.")
    if body["more"]:
        click.echo("There is more: ask for fewer hours, or for one service.", err=True)


def _row(change: Body) -> list[str]:
    version = change["version"] or ""
    if change["previous"] is not None:
        version = f"{version} (before: {change['previous']})"
    what = f"{change['kind']}: {change['what']}" if change["what"] else change["kind"]
    lanes = [change["service"] or "all", change["environment"] or "all"]
    return [ago(change["time"]), what, *lanes, version, change["who"] or "", reason_text(change["reason"])]
