"""`events`: the log."""

import click

from deploydb.cli.asking import Body, ask
from deploydb.cli.showing import output_option, show_json, show_table


@click.command()
@click.option("--service", metavar="NAME", help="About this service only.")
@click.option("--environment", metavar="NAME", help="About this environment only.")
@click.option("--type", "kind", metavar="TYPE", help="Of this type only, such as artifact.published.")
@click.option("--source", metavar="SOURCE", help="Said by this source only; DeployDB's own is deploydb.")
@click.option("--before", type=click.IntRange(1), metavar="NUMBER", help="Older than the event with this number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@output_option
def events(
    service: str | None,
    environment: str | None,
    kind: str | None,
    source: str | None,
    before: int | None,
    limit: int,
    output: str,
) -> None:
    """The log, newest first: what happened, who said so, and what DeployDB decided.

    \b
    Examples:
      deploydb events --service storefront --limit 50
      deploydb events --type artifact.published -o json
    """
    body = ask(
        "events",
        service=service,
        environment=environment,
        type=kind,
        source=source,
        before=before,
        perPageSize=limit,
    )
    if output == "json":
        show_json(body)
        return
    rows = [_row(event) for event in body["events"]]
    show_table(["NUMBER", "TIME", "TYPE", "SOURCE", "ABOUT", "DETAIL"], rows, empty="No such events.")


def _row(event: Body) -> list[str]:
    body = event["body"]
    artifact = body.get("artifact")
    version = body.get("version") or (artifact.get("version", "") if isinstance(artifact, dict) else "")
    module = f"{artifact.get('group')}:{artifact.get('name')}" if isinstance(artifact, dict) else None
    about = " ".join(filter(None, [event["service"] or module, event["environment"], str(version)]))
    told = [body.get("promotion"), body.get("verdict") or body.get("outcome"), body.get("by"), body.get("reason")]
    detail = ": ".join(str(word) for word in told if word)
    return [str(event["number"]), event["time"][:19], event["type"], event["source"], about, detail]
