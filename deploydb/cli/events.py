"""`events`: the log, and the log as it grows."""

import time
from collections.abc import Iterator, Mapping

import click

from deploydb.cli.client import Body, ask, changes
from deploydb.cli.options import past_option
from deploydb.cli.output import details, is_shown, output_option, show_table, whole
from deploydb.domain.model.errors import NotFound, Transient
from deploydb.query.column import Column

EVERY_SECONDS = 1.0
_PAGE = 200
_REMEMBERED = 5_000
"""Events become visible out of the order of their numbers: so many of the last ones are known again."""

_COLUMNS = (
    Column("NUMBER", gives_way=3),
    Column("TIME", gives_way=1),
    Column("TYPE"),
    Column("SOURCE", gives_way=2),
    Column("ABOUT", "text"),
    Column("DETAIL", "text"),
)


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
    show_table(_COLUMNS, rows, empty="No such events.")


def _follow(wanted: Mapping[str, str | None], limit: int, output: str) -> None:
    """One line an event, for ever; with YAML a document each."""
    for event in _followed(wanted, limit):
        if output == "yaml":
            click.echo("---")
        name = f"event/{event['number']}"
        if not is_shown(output, event, [name].copy):
            click.echo(" ".join("  ".join(filter(None, _row(event))).split("\n")))


def _followed(wanted: Mapping[str, str | None], limit: int) -> Iterator[Body]:
    """The newest `limit` of the events that are wanted, oldest first; then each new one, for ever.

    A query service that is away is waited for; events recorded meanwhile follow when it is back.
    """
    first: list[Body] = ask("events", **wanted, perPageSize=limit)["events"]
    seen = {event["number"] for event in first}
    floor = min(seen, default=0)
    yield from reversed(first)
    reported = False
    for _ in _ticks(wanted):
        try:
            found = _unseen(wanted, seen, floor)
        except Transient as error:
            if not reported:
                click.echo(f"deploydb: {error}", err=True)
            reported = True
            continue
        reported = False
        yield from found
        seen.update(event["number"] for event in found)
        if len(seen) > 2 * _REMEMBERED:
            seen = set(sorted(seen)[-_REMEMBERED:])
            floor = min(seen)


def _unseen(wanted: Mapping[str, object], seen: set[int], floor: int) -> list[Body]:
    """The events above `floor` that were not there before, oldest first."""
    found: list[Body] = []
    before: int | None = None
    while True:
        body = ask("events", **wanted, before=before, perPageSize=_PAGE)
        page = [event for event in body["events"] if event["number"] > floor and event["number"] not in seen]
        found += page
        before = body["next"]
        if before is None or len(page) < len(body["events"]):
            return found[::-1]


def _ticks(wanted: Mapping[str, object]) -> Iterator[None]:
    """Whenever there may be something new: as `/api/stream` says, else once a second."""
    while True:
        try:
            for _ in changes(service=wanted["service"], environment=wanted["environment"]):
                yield
        except (NotFound, Transient):
            pass  # polled, until it can be listened to again
        yield
        time.sleep(EVERY_SECONDS)


def _row(event: Body) -> list[str]:
    body = event["body"]
    artifact = body.get("artifact")
    version = body.get("version") or (artifact.get("version", "") if isinstance(artifact, dict) else "")
    module = f"{artifact.get('group')}:{artifact.get('name')}" if isinstance(artifact, dict) else None
    about = " ".join(filter(None, [event["service"] or module, event["environment"], str(version)]))
    detail = ": ".join(details(event))
    return [str(event["number"]), whole(event["time"]), event["type"], event["source"], about, detail]
