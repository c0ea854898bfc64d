"""`webhook`: the calls of webhooks, from the database."""

from typing import cast

import click

from deploydb.cli.database import opened
from deploydb.cli.output import ago, is_shown, output_option, show_line, show_table
from deploydb.domain.model.errors import NotFound
from deploydb.query.column import Column
from deploydb.redaction import shown_endpoint
from deploydb.store.clock import DatabaseClock
from deploydb.store.engine import reading
from deploydb.store.queries.webhooks import DeliveryView, State, deliveries, delivery_by_id
from deploydb.store.schema import require_current
from deploydb.store.webhook_deliveries import replay as open_again

MOST = 1000
"""Calls listed at once."""
_ABSENT = "run `deploydb up`, or set DEPLOYDB_DATABASE_URL"
ID = click.IntRange(1, 2**63 - 1)

_COLUMNS = (
    Column("ID"),
    Column("STATE"),
    Column("TYPE", gives_way=3),
    Column("OF", "text"),
    Column("ENDPOINT", "text", gives_way=1),
    Column("ATTEMPTS", gives_way=4),
    Column("CREATED", gives_way=2),
    Column("PROBLEM", "text"),
)


@click.group()
def webhook() -> None:
    """Calls of webhooks: list them, show one, make them again. Reads the database at DEPLOYDB_DATABASE_URL.

    \b
    Example:
      deploydb webhook list --state dead
    """


@webhook.command("list")
@click.option("--state", type=click.Choice(["open", "dead", "delivered"]), help="Those in one state alone.")
@click.option("--limit", type=click.IntRange(1, MOST), default=100, show_default=True, help="How many, newest first.")
@output_option
def list_(state: str | None, limit: int, output: str) -> None:
    """The last calls, with their attempts and problems.

    \b
    Example:
      deploydb webhook list --state open -o json
    """
    with opened("webhook", absent=_ABSENT) as engine:
        require_current(engine)
        with reading(engine) as connection:
            found = deliveries(connection, state=cast("State | None", state), limit=limit)
    if is_shown(output, [_body(one) for one in found], lambda: (f"webhook/{one.id}" for one in found)):
        return
    rows = [
        [
            str(one.id),
            one.state,
            one.type,
            f"{one.service or ''} {one.environment or ''}".strip(),
            shown_endpoint(one.endpoint),
            str(one.attempts),
            ago(one.created_at.isoformat()),
            one.problem or "",
        ]
        for one in found
    ]
    show_table(_COLUMNS, rows, empty="No calls of webhooks.")


@webhook.command(short_help="One call whole.")
@click.argument("ident", metavar="ID", type=ID)
@output_option
def show(ident: int, output: str) -> None:
    """One call whole: on stderr its state and headers, the body on stdout.

    \b
    Example:
      deploydb webhook show 7
    """
    with opened("webhook", absent=_ABSENT) as engine:
        require_current(engine)
        with reading(engine) as connection:
            one = delivery_by_id(connection, ident)
    if one is None:
        raise _unknown(ident)
    if is_shown(output, _body(one), lambda: [f"webhook/{one.id}"]):
        return
    show_line(f"{one.state}, {one.attempts} attempts, POST {shown_endpoint(one.endpoint)}", err=True)
    if one.problem:
        show_line(one.problem, err=True)
    for name, value in one.headers.items():
        show_line(f"{name}: {value}", err=True)
    show_line(one.body)


@webhook.command(short_help="Make calls again.")
@click.argument("ident", metavar="ID", type=ID, required=False)
@click.option("--dead", "every", is_flag=True, help="Every dead one.")
def replay(ident: int | None, every: bool) -> None:
    """Make a call again that is dead or delivered, with the same Webhook-Id; or every dead one. Each has all of its
    attempts again, and goes before the newer calls of its endpoint.

    \b
    Examples:
      deploydb webhook replay 7
      deploydb webhook replay --dead
    """
    if (ident is None) is not every:
        raise click.UsageError("give one ID, or --dead")
    with opened("webhook", absent=_ABSENT) as engine:
        require_current(engine)
        count = open_again(engine, DatabaseClock(engine)(), ident)
        if ident is not None and not count:
            with reading(engine) as connection:
                if delivery_by_id(connection, ident) is None:
                    raise _unknown(ident)
    if ident is not None:
        message = f"{ident} is called again" if count else f"{ident} is open already: it is called again by itself"
    else:
        message = f"{count} are called again" if count else "No dead calls."
    click.echo(message, err=True)


def _unknown(ident: int) -> NotFound:
    return NotFound(f"there is no call {ident}: `deploydb webhook list` shows those that are there")


def _body(one: DeliveryView) -> dict[str, object]:
    return {
        "id": one.id,
        "state": one.state,
        "endpoint": shown_endpoint(one.endpoint),
        "notification": one.notification,
        "type": one.type,
        "service": one.service,
        "environment": one.environment,
        "deployment": one.deployment,
        "headers": one.headers,
        "body": one.body,
        "createdAt": one.created_at.isoformat(),
        "attempts": one.attempts,
        "attemptedAt": one.attempted_at.isoformat() if one.attempted_at else None,
        "status": one.status,
        "problem": one.problem,
        "deliveredAt": one.delivered_at.isoformat() if one.delivered_at else None,
        "deadAt": one.dead_at.isoformat() if one.dead_at else None,
    }
