"""`events`: the log, and the log as it grows."""

from collections.abc import Mapping

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import past_option
from deploydb.cli.output import details, is_shown, output_option, show_table, whole
from deploydb.cli.tail import followed


@click.command()
@click.option("--service", metavar="NAME", help="About this service only.")
@click.option("--environment", metavar="NAME", help="About this environment only.")
@click.option("--type", metavar="TYPE", help="Of this type only, such as artifact.published.")
@click.option("--source", metavar="SOURCE", help="From this source only; DeployDB's own is deploydb.")
@click.option("--who", metavar="NAME", help="By this person only.")
@past_option("--since", help="Recorded since then: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@past_option("--until", help="Recorded until then; as --since.")
@click.option("--before", type=click.IntRange(1), metavar="NUMBER", help="Older than the event with this number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--follow", is_flag=True, help="Those, oldest first, and then each one as it comes, until Ctrl-C.")
@output_option
def events(before: int | None, limit: int, follow: bool, output: str, **wanted: str | None) -> None:
    """The log, newest first: facts with their sources, and DeployDB's decisions.

    \b
    Examples:
      deploydb events --service storefront --limit 50
      deploydb events --type artifact.published -o json
      deploydb events --who alice --since 3d
      deploydb events --follow --environment prod
    """
    if follow:
        if before is not None or wanted["until"] is not None:
            raise click.UsageError("--follow goes on from the newest: neither --before nor --until goes with it.")
        _follow(wanted, limit, output)
    body = ask("events", **wanted, before=before, perPageSize=limit)
    if is_shown(output, body, lambda: (f"event/{one['number']}" for one in body["events"])):
        return
    rows = [_row(event) for event in body["events"]]
    show_table(["NUMBER", "TIME", "TYPE", "SOURCE", "ABOUT", "DETAIL"], rows, empty="No such events.")


def _follow(wanted: Mapping[str, str | None], limit: int, output: str) -> None:
    """One line an event, for ever; with YAML a document each."""
    for event in followed(wanted, limit):
        if output == "yaml":
            click.echo("---")
        name = f"event/{event['number']}"
        if not is_shown(output, event, [name].copy):
            click.echo(" ".join("  ".join(filter(None, _row(event))).split("\n")))


def _row(event: Body) -> list[str]:
    body = event["body"]
    artifact = body.get("artifact")
    version = body.get("version") or (artifact.get("version", "") if isinstance(artifact, dict) else "")
    module = f"{artifact.get('group')}:{artifact.get('name')}" if isinstance(artifact, dict) else None
    about = " ".join(filter(None, [event["service"] or module, event["environment"], str(version)]))
    detail = ": ".join(details(event))
    return [str(event["number"]), whole(event["time"]), event["type"], event["source"], about, detail]
