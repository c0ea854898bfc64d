"""`import`: facts of before DeployDB's time, recorded without a decision."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import click

from deploydb.broker.port import Message
from deploydb.cli.publish import bodies_of, publish_messages
from deploydb.cli.publisher import message_of
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import AboutDeployment, DeploymentFinished, DeploymentObserved, Fact, type_of
from deploydb.exit_codes import ExitCode
from deploydb.wire.native import decode_fact


@click.command("import")
@click.argument("file", type=click.File("rb"), metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Check every fact and publish none.")
def import_history(file: BinaryIO, *, dry_run: bool) -> None:
    """Import the facts in FILE, raw JSON, one a line; - for standard input.

    Each fact is recorded as historical: it opens no flow, commands nothing and counts for no gate. Each one needs its
    own `id`, `source` and `time`, so that a repeated import changes nothing. Orders of people, such as holds, cannot be
    imported. Nothing is published where a fact is wrong. Exits with 1 if one of them was not taken.

    \b
    Examples:
      deploydb import history.jsonl --dry-run
      deploydb import history.jsonl
    """
    name = getattr(file, "name", "-")
    found: list[tuple[int, str, Message]] = []
    wrong = 0
    for line, body in bodies_of(file.read()):
        origin = f"{name}:{line}"
        try:
            fact, message = _historical(body)
        except MessageRejected as refused:
            wrong += 1
            click.echo(f"{origin}: {refused}", err=True)
            continue
        found.append((_turn(fact), origin, message))
    if wrong or dry_run:
        click.echo(f"0 imported, {len(found)} can be, {wrong} cannot", err=True)
        raise SystemExit(ExitCode.FAILED if wrong else ExitCode.SUCCESS)
    found.sort(key=lambda one: one[0])  # stable: the order of the file among those of one turn
    if publish_messages(_places(found), len(found), "imported") or not found:
        raise SystemExit(ExitCode.FAILED)


def _places(found: list[tuple[int, str, Message]]) -> Iterator[tuple[str, Message]]:
    return ((origin, message) for _, origin, message in found)


def _historical(body: bytes) -> tuple[Fact, Message]:
    """The fact as it is imported, with its message. Raises: MessageRejected."""
    fact = decode_fact(body, arrived_at=datetime.now(UTC))
    if "historical" not in fact.__struct_fields__:
        raise MessageRejected(f"{type_of(fact)} is an order for now: it cannot be imported", path="$.type")
    fields: dict[str, Any] = json.loads(body)
    if fields.get("time") is None:
        raise MessageRejected("is missing: an imported fact needs its time", path="$.time")
    marked = json.dumps(fields | {"historical": True}, ensure_ascii=False).encode()
    fact = decode_fact(marked, arrived_at=datetime.now(UTC))
    return fact, message_of(fact, marked)


def _turn(fact: Fact) -> int:
    """Artifacts first, then what was deployed, then the facts about it."""
    if isinstance(fact, DeploymentFinished | DeploymentObserved):
        return 1
    return 2 if isinstance(fact, AboutDeployment) else 0
