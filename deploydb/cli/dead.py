"""`dead`: dead letters."""

import sys
from typing import BinaryIO

import click
import msgspec

from deploydb.broker.open import open_dead_letters
from deploydb.broker.port import DeadLetter, DeadLetters
from deploydb.cli.output import ago, is_shown, output_option, show_line, show_table
from deploydb.domain.model.errors import Misconfigured, NotAllowed, NotFound
from deploydb.query.column import Column
from deploydb.settings import from_environment

MOST = 1000
"""Dead letters looked at in one go."""

_COLUMNS = (
    Column("ID"),
    Column("DIED", gives_way=1),
    Column("QUEUE", gives_way=3),
    Column("FIELD", "text", gives_way=2),
    Column("REASON", "text"),
)


@click.group()
def dead() -> None:
    """Dead letters: inspect them, send them back (fixed, if need be), or drop them.

    \b
    Example:
      deploydb dead list
    """


def _open() -> DeadLetters:
    return open_dead_letters(from_environment().broker_url, name="cli")


@dead.command("list")
@click.option("--limit", type=click.IntRange(1, MOST), default=100, show_default=True, help="How many, oldest first.")
@output_option
def list_(limit: int, output: str) -> None:
    """What is there, and why.

    \b
    Example:
      deploydb dead list -o json
    """
    with _open() as letters:
        found = letters.peek(limit)
    if is_shown(output, [_body(letter) for letter in found], lambda: (f"dead/{letter.id}" for letter in found)):
        return
    rows = [
        [letter.id, ago(letter.died_at.isoformat()) if letter.died_at else "", letter.queue, letter.path, letter.reason]
        for letter in found
    ]
    show_table(_COLUMNS, rows, empty="No dead letters.")


@dead.command(short_help="One dead letter whole, ready to be fixed.")
@click.argument("ident", metavar="ID")
@output_option
def show(ident: str, output: str) -> None:
    """One dead letter whole: on stderr the reason, and the author of each part; the body on stdout.

    \b
    Example:
      deploydb dead show 3f2a9c01b7de > fixed.json
    """
    with _open() as letters:
        letter = next((one for one in letters.peek(MOST) if one.id == ident), None)
    if letter is None:
        raise _unknown(ident)
    if is_shown(output, _body(letter), lambda: [f"dead/{letter.id}"]):
        return
    show_line(f"{letter.path}: {letter.reason}", err=True)
    for line in _provenance(letter):
        show_line(line, err=True)
    click.echo(letter.body.decode("utf-8", "backslashreplace") if sys.stdout.isatty() else letter.body)


@dead.command(short_help="Send them back to the exchange of their queue.")
@click.argument("ident", metavar="ID", required=False)
@click.option("--body", type=click.File("rb"), help="A file with the fixed body; - for standard input.")
@click.option("--all", "everything", is_flag=True, help="All of them, as they are.")
def replay(ident: str | None, body: BinaryIO | None, everything: bool) -> None:
    """Send dead letters back: facts to the events exchange, commands to the command exchange, by the queue that each
    one died in. An event that was stored already counts once.

    \b
    Examples:
      deploydb dead replay 3f2a9c01b7de --body fixed.json
      deploydb dead replay --all
    """
    if (ident is None) is not everything or (everything and body is not None):
        raise click.UsageError("give one ID (with --body, if it is fixed), or --all")
    fixed = body.read() if body is not None else None
    with _open() as letters:
        wanted = [letter.id for letter in letters.peek(MOST)] if everything else [str(ident)]
        stuck: list[str] = []
        for each in wanted:
            try:
                sent = letters.replay(each, fixed)
            except NotAllowed:
                raise
            except Misconfigured as error:  # this one cannot go back; the others may
                stuck.append(str(error))
                continue
            if sent is not None:
                click.echo(f"{each} is back in {sent.exchange}", err=True)
            elif not everything:  # else somebody was faster
                raise _unknown(each)
    if stuck:
        raise Misconfigured("\n".join(stuck))
    if everything and not wanted:
        click.echo("No dead letters.", err=True)


@dead.command()
@click.argument("ident", metavar="ID")
def discard(ident: str) -> None:
    """Drop a dead letter for good.

    \b
    Example:
      deploydb dead discard 3f2a9c01b7de
    """
    with _open() as letters:
        if letters.discard(ident) is None:
            raise _unknown(ident)
    click.echo(f"{ident} is dropped", err=True)


def _unknown(ident: str) -> NotFound:
    return NotFound(f"there is no dead letter {ident}: `deploydb dead list` shows those that are there")


def _provenance(letter: DeadLetter) -> list[str]:
    """Lines for people: the author of each part of a letter."""
    back = f"goes back to {letter.exchange}" if letter.exchange else "cannot go back"
    by = {
        "worker": f"by a worker, user {letter.worker}: the reason",
        "broker": "by the broker: the reason",
        "unknown": "not by the dead-letter exchange",
    }
    cut = "" if letter.cut_from is None else f", its first {len(letter.body)} of {letter.cut_from} bytes"
    return [
        f"{by[letter.by]}; died in {letter.queue or 'an unknown queue'}, {back}",
        f"by the broker: published by {letter.user_id or 'an unknown user'}",
        f"by the publisher: routing key {letter.routing_key}, {letter.content_type}, {len(letter.headers)} headers, "
        f"the body{cut}",
    ]


_WRITTEN_BY = {
    "worker": {
        "worker": ["reason", "path", "reasonData", "diedAt"],
        "broker": ["queue", "exchange", "publisher", "worker"],
    },
    "broker": {"broker": ["reason", "path", "queue", "exchange", "publisher"]},
    "unknown": {"broker": ["publisher"]},
}
_PUBLISHERS = ["routingKey", "contentType", "headers", "body"]


def _data(text: str | None) -> object:
    try:
        return msgspec.json.decode(text) if text is not None else None
    except msgspec.DecodeError:  # of another user that may write dead letters
        return text


def _body(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "deadLetteredBy": letter.by,
        "worker": letter.worker,
        "reason": letter.reason,
        "path": letter.path,
        "reasonData": _data(letter.reason_data),
        "queue": letter.queue,
        "exchange": letter.exchange,
        "routingKey": letter.routing_key,
        "diedAt": letter.died_at.isoformat() if letter.died_at else None,
        "publisher": letter.user_id,
        "contentType": letter.content_type,
        "headers": letter.headers,
        "body": letter.body.decode("utf-8", "backslashreplace"),
        "bodyBytes": letter.cut_from or len(letter.body),
        "writtenBy": {**_WRITTEN_BY[letter.by], "publisher": _PUBLISHERS},
    }
