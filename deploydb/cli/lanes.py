"""`why` and `history`: why is a version not further, what has been."""

from datetime import datetime

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.options import arguments, artifact_option, past_option, watched
from deploydb.cli.output import (
    ago,
    can_show,
    is_shown,
    is_wide,
    outlook_text,
    output_option,
    reason_text,
    show_stages,
    show_table,
    show_words,
)
from deploydb.domain.history_outcomes import HISTORY_OUTCOMES
from deploydb.domain.model.errors import NotFound
from deploydb.query.column import Column
from deploydb.query.folding import Folded, folded

_HISTORY = (
    Column("DEPLOYMENT", gives_way=3),
    Column("ENVIRONMENT"),
    Column("VERSION", "version"),
    Column("STATUS"),
    Column("WHEN"),
    Column("TRIGGER", "text", gives_way=1),
    Column("REASON", "text", gives_way=2),
)


@click.command()
@arguments("service", "[environment]", "[version]")
@artifact_option
@past_option("--at", help="As it was known then: 2026-11-22T12:00:00Z, or how long ago, such as 2h or 3d.")
@output_option
@watched
def why(
    service: str, environment: str | None, version: str | None, artifact: str | None, at: str | None, output: str
) -> None:
    """Why VERSION is, or is not, in ENVIRONMENT: the answer, what would release it and when at the earliest, then its
    way as a drawing.

    A line a stage, with its status and since when; before it the gates at its entry, after it those that it must pass
    to go on, each with its verdict, why, and who may approve. Bars show how far a soak or the time to a deadline is.
    With -o wide: a table, with the times.

    Without VERSION: the newest that is not there yet, else what runs there. Without ENVIRONMENT: the last one that the
    service goes to. VERSION may come before ENVIRONMENT. Exits with 0 whatever the answer is.

    \b
    Examples:
      deploydb why storefront
      deploydb why storefront prod
      deploydb why storefront 1.4.0 prod
      deploydb why storefront prod 1.4.0 -o json
      deploydb why storefront prod 1.4.0 --at 2h
      deploydb why storefront prod --at 2026-11-22T12:00:00+01:00
    """
    body = _explained(service, environment, version, artifact=artifact, at=at)
    if is_shown(output, body, lambda: (f"deployment/{one['deployment']}" for one in body["stages"])):
        return
    known = f"As known at {at}: " if at is not None else ""
    show_words(known + body["answer"])
    releasing = body.get("releasing")
    outlook = body["stages"][-1].get("outlook") if body["stages"] else None
    now = datetime.fromisoformat(body["at"]) if "at" in body else None
    if outlook is not None and outlook["verdict"] == "will not come":
        show_words(outlook_text(outlook, now))
    if releasing is not None:
        show_words(_sentence(releasing))
    click.echo()
    if is_wide():
        show_stages(body["stages"])
        return
    from deploydb.cli.lane_drawing import show_lane

    show_lane(body["stages"], now)


def _explained(service: str, place: str | None, version: str | None, **more: str | None) -> Body:
    """The answer of `why`. `place`: an environment; or a version, before its environment.

    Raises: NotFound as for an environment, where it is neither.
    """
    if place is None:
        return ask("why", service, version=version, **more)
    try:
        return ask("why", service, place, version=version, **more)
    except NotFound:
        asked = {"version": place} if version is None else {"environment": version}
        if ask("names", service=service, **asked)["unknown"]:
            raise
        path = (service,) if version is None else (service, version)
        return ask("why", *path, version=place, **more)


def _sentence(releasing: Body) -> str:
    """The sentence with the version, "it", as its subject."""
    text = str(releasing["sentence"])
    return f"It {text}" if releasing["possible"] else text[:1].upper() + text[1:]


@click.command()
@arguments("service", "[environment]")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many, newest first.")
@click.option("--outcome", type=click.Choice(HISTORY_OUTCOMES), help="With this outcome only; rollback: rollbacks.")
@click.option("--all", "every", is_flag=True, help="A line for each deployment that was skipped, too.")
@output_option
@watched
def history(service: str, environment: str | None, limit: int, outcome: str | None, every: bool, output: str) -> None:
    """What has been deployed of SERVICE, newest first: why it was put there, and why it is as far as it is.

    Neighbours that were skipped before their deployment began are one line, with their number; --all, -o wide, json,
    yaml and name list each. --limit counts deployments.

    \b
    Examples:
      deploydb history storefront
      deploydb history storefront --all
      deploydb history storefront prod --limit 5
      deploydb history storefront --outcome failed
    """
    path = [service] if environment is None else [service, environment]
    body = ask("history", *path, outcome=outcome, perPageSize=limit)
    deployments = body["deployments"]
    if is_shown(output, body, lambda: (f"deployment/{one['id']}" for one in deployments)):
        return
    rows = deployments if every or is_wide() else folded(deployments)
    shown = [_folded_row(one) if isinstance(one, Folded) else _history_row(one) for one in rows]
    show_table(_HISTORY, shown, empty=f"Nothing of {service} has been deployed.")


def _folded_row(row: Folded) -> list[str]:
    newest, *_, oldest = row.deployments
    count = f"{len(row.deployments)} that never began; --all lists them"
    to, dots = ("–", "…") if can_show("–…") else ("-", "...")
    numbers, versions = f"{oldest['id']}{to}{newest['id']}", row.span(dots)
    return [numbers, row.where, versions, "SKIPPED", ago(_when_of(newest)), "", count]


def _history_row(one: Body) -> list[str]:
    kind = "" if one["kind"] == "deploy" else f" ({one['kind']})"
    reason = " ".join(filter(None, [reason_text(one["reason"]), one["url"] if is_wide() else None]))
    why = reason_text(one["triggerReason"])
    version = one["version"] + kind
    return [str(one["id"]), one["environment"], version, one["status"], ago(_when_of(one)), why, reason]


def _when_of(one: Body) -> str:
    return str(one["finishedAt"] or one["startedAt"] or one["requestedAt"] or one["decidedAt"] or one["createdAt"])
