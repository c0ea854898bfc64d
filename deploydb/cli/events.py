"""`events`: the log."""

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import click

from deploydb.cli.asking import Body, ask
from deploydb.cli.showing import is_shown, output_option, printable, show_json, show_table
from deploydb.cli.times import past_option
from deploydb.domain.errors import Transient
from deploydb.settings import from_environment

_SILENT_SECONDS = 60.0
"""The stream says that it is alive more often than that."""


@click.command()
@click.option("--service", metavar="NAME", help="About this service only.")
@click.option("--environment", metavar="NAME", help="About this environment only.")
@click.option("--who", metavar="NAME", help="That names this person only: who approved, held, ordered.")
@click.option("--type", "kind", metavar="TYPE", help="Of this type only, such as artifact.published.")
@click.option("--source", metavar="SOURCE", help="Said by this source only; DeployDB's own is deploydb.")
@past_option("--since", help="Recorded then or later: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@past_option("--until", help="Recorded then or before.")
@click.option("--before", type=click.IntRange(1), metavar="NUMBER", help="Older than the event with this number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--follow", is_flag=True, help="What is added from now on, one a line, until Ctrl-C.")
@output_option
def events(
    service: str | None,
    environment: str | None,
    who: str | None,
    kind: str | None,
    source: str | None,
    since: str | None,
    until: str | None,
    before: int | None,
    limit: int,
    follow: bool,
    output: str,
) -> None:
    """The log, newest first: what happened, who said so, and what DeployDB decided.

    \b
    Examples:
      deploydb events --service storefront --limit 50
      deploydb events --who alice --since 7d
      deploydb events --type artifact.published -o json
      deploydb events --follow --environment prod
    """
    if follow:
        wanted = {"service": service, "environment": environment, "who": who, "type": kind, "source": source}
        _follow({name: value for name, value in wanted.items() if value is not None}, output)
        return
    body = ask(
        "events",
        service=service,
        environment=environment,
        who=who,
        type=kind,
        source=source,
        since=since,
        until=until,
        before=before,
        perPageSize=limit,
    )
    if is_shown(output, body, lambda: (f"event/{one['number']}" for one in body["events"])):
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


def _follow(wanted: dict[str, str], output: str) -> None:
    """One line for each row that is added and wanted; taken up again where the connection was lost."""
    ask("events", **wanted, perPageSize=1)  # what is wrong is told now
    last = ""
    while True:
        try:
            for ident, changes in _changes(last):
                last = ident or last
                for change in changes:
                    if all(str(change[name]) == value for name, value in wanted.items()):
                        _tell(change, output)
        except OSError as error:
            raise Transient(f"the stream of {from_environment().url} has ended: {error}") from error


def _changes(last: str) -> Iterator[tuple[str, list[Body]]]:
    """The stream's messages: the id of each, and what it says has been added."""
    given = from_environment()
    headers = {"Last-Event-ID": last} if last else {}
    headers |= {"Authorization": f"Bearer {given.token}"} if given.token else {}
    request = Request(f"{given.url}/api/stream", headers=headers)  # noqa: S310  # `ask` has checked it
    with urlopen(request, timeout=_SILENT_SECONDS) as answer:  # noqa: S310
        ident = ""
        for line in answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                ident = value
            elif name == "data":
                yield ident, json.loads(value)["changes"]


def _tell(change: Body, output: str) -> None:
    if output == "json":
        show_json(change)
        return
    about = " ".join(filter(None, [change["service"], change["environment"], change["version"]]))
    told = ": ".join(filter(None, [change["who"], change["reason"]]))
    line = f"{change['time'][:19]}  {change['type']}  {about}  {told}"
    click.echo(printable(" ".join(line.split("\n")).rstrip()))
