"""Answers on a terminal: tables that fit it, times as people say them, or the JSON as it came."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from shutil import get_terminal_size
from typing import Any, TypeVar

import click
from msgspec import Struct

from deploydb.domain.formatting import span, span_left
from deploydb.domain.unsafe_characters import has_hidden, in_one_line, visible, visible_in_json
from deploydb.query.column import Column
from deploydb.terminal import plain

F = TypeVar("F", bound=Callable[..., Any])

_WIDE = "deploydb.wide"


def output_option(command: F) -> F:
    """`-o table|wide|json|yaml|name`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "wide", "json", "yaml", "name"]),
        default="table",
        show_default=True,
        callback=_remember,
        help="A table for people; wide: with times, ids, URLs; the answer as JSON or YAML; or names, one a line.",
    )(command)


def _remember(context: click.Context, _parameter: click.Parameter, output: str) -> str:
    context.meta[_WIDE] = output == "wide"
    return output


def is_shown(output: str, body: Any, names: Callable[[], Iterable[str]]) -> bool:  # noqa: ANN401  # any JSON
    """Show it as JSON, as YAML or by its names, `service/foo`, each once. False where a table is wanted."""
    match output:
        case "json":
            show_json(body)
        case "yaml":
            _show_yaml(body)
        case "name":
            for name in dict.fromkeys(names()):
                click.echo(in_one_line(name))
        case _:
            return False
    return True


def show_json(body: Any) -> None:  # noqa: ANN401  # any JSON
    """The answer itself; indented where a person reads it."""
    click.echo(visible_in_json(json.dumps(body, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False)))


def _show_yaml(body: Any) -> None:  # noqa: ANN401  # any JSON
    """The answer with the same values; a text with hidden characters is quoted, and has their escapes."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = '"' if has_hidden(value.replace("\n", "")) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    click.echo(visible(yaml.dump(body, Dumper=Dumper, sort_keys=False, allow_unicode=True)), nl=False)


def show_line(text: str, *, err: bool = False) -> None:
    """One line, whatever ends of lines others have written into it."""
    click.echo(in_one_line(text), err=err)


def show_words(text: str) -> None:
    """A sentence: on a terminal in lines of its width, broken between words."""
    if not sys.stdout.isatty():
        show_line(text)
        return
    from deploydb.cli.fitting import flowed

    for line in flowed([Column("", "text")], [in_one_line(text)], get_terminal_size().columns):
        click.echo(line)


def show_styled(text: str, *, err: bool = False) -> None:
    """A line with styles of ours. What is of others in it is made visible before."""
    click.echo(text, file=plain(sys.stderr if err else sys.stdout))


class MarkedLine(Struct, frozen=True):
    """A line that begins, `at` a place, with a mark in the colour of a `status`."""

    text: str
    at: int = 0
    status: str | None = None


def show_marked(lines: Iterable[MarkedLine]) -> None:
    """Lines as they are, in colours where a terminal has them. What is of others in them is made visible before."""
    colour = _colour()
    if sys.stdout.isatty() or colour:
        from deploydb.cli.terminal_table import show_lines

        show_lines(lines, colour=colour)
        return
    for line in lines:
        click.echo(line.text)


def show_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    empty: str,
    most: int | None = None,
    instead: Callable[[], None] | None = None,
) -> None:
    """Rows under headings, two spaces apart. On a terminal they fit its width, else each is one line of any length.

    `most`: lines of a row on a terminal. `instead`: shows the same on a terminal that is too narrow for the table.
    """
    if not rows:
        click.echo(empty, err=True)
        return
    lines = [[" ".join(visible(cell).split()) for cell in row] for row in rows]
    colour = _colour()
    if sys.stdout.isatty() or colour:
        from deploydb.cli.terminal_table import show_on_terminal

        if is_wide():
            columns, most = [Column(column.heading, column.holds) for column in columns], None
        show_on_terminal(columns, lines, most=most, every=is_wide(), instead=instead, colour=colour)
        return
    lines.insert(0, [column.heading for column in columns])
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def can_show(characters: str) -> bool:
    """Whether the encoding of the output has them."""
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _colour() -> bool | None:
    """What `--color` says; None where the terminal decides."""
    context = click.get_current_context(silent=True)
    return context.color if context is not None else None


_STAGES = (
    Column("STAGE"),
    Column("GATE"),
    Column("STATUS"),
    Column("REASON", "text"),
    Column("DECIDED", gives_way=2),
    Column("NEXT CHECK", gives_way=1),
)


def show_stages(stages: Iterable[Mapping[str, Any]]) -> None:
    """A row for each stage of a flow, and below it one for each of its gates; nothing where it goes through none."""
    rows: list[Sequence[str]] = []
    for stage in stages:
        outlook = stage.get("outlook")
        never = outlook is not None and outlook["verdict"] == "will not come" and outlook["since"] is not None
        because = outlook_text(outlook) if outlook is not None and never else reason_text(stage["reason"])
        rows.append([stage["environment"], "", stage["status"], because, "", ""])
        for gate in stage["gates"]:
            entry = " (entry)" if gate.get("asked") == "entry" and gate["type"] != "Freeze" else ""
            times = ago(gate["decidedAt"]), until(gate["recheckAt"])
            rows.append(["", gate["promotion"] + entry, gate["verdict"], reason_text(gate["reason"]), *times])
    if rows:
        show_table(_STAGES, rows, empty="")


def ago(time: str | None, now: datetime | None = None) -> str:
    """How long ago a time was: `12s ago`, `3h ago`, `5d ago`; with `-o wide` the time itself. `now`: of an answer of
    the past."""
    if time is None or is_wide():
        return whole(time) if time is not None else ""
    seconds = int(((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds())
    return f"{span(seconds)} ago" if seconds >= 0 else "just now"


def until(time: str | None) -> str:
    """How far in the future a time is: `in 12s`, `in 3h`, nothing for the past; with `-o wide` the time itself."""
    if time is None or is_wide():
        return whole(time) if time is not None else ""
    return until_from(time, datetime.now(UTC))


def until_from(time: str, now: datetime) -> str:
    """The same, at another time than now."""
    seconds = (datetime.fromisoformat(time) - now).total_seconds()
    return f"in {span_left(seconds)}" if seconds > 0 else ""


def is_wide() -> bool:
    """Whether everything is wanted: `-o wide`."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_WIDE))


def whole(time: str) -> str:
    """The time itself, to the second, on the clocks here: `2026-11-22 13:00:00+01:00`; in UTC with a Z."""
    at = datetime.fromisoformat(time)
    try:
        local = at.astimezone()
    except OverflowError:  # an edge of the calendar
        local = at
    text = local.replace(microsecond=0).isoformat(" ")
    return text if local.utcoffset() else text.removesuffix("+00:00") + "Z"


def reason_text(reason: Mapping[str, Any] | None) -> str:
    """A reason in a few words, with `-o wide` the whole; empty for none."""
    if reason is None:
        return ""
    return str(reason["text"] if is_wide() else reason.get("short", reason["text"]))


def outlook_text(outlook: Mapping[str, Any], now: datetime | None = None) -> str:
    """The outlook of a deployment in a few words: `will not come: failed in staging: smoke failed, 230d ago`. `now`: as
    of `ago`."""
    since = outlook["since"]
    return f"{outlook['text']}, {ago(since, now)}" if since is not None else str(outlook["text"])


def details(event: Mapping[str, Any]) -> list[str]:
    """A row of the log in a few words: the gate, its verdict or the outcome, the person, the reason."""
    body = event["body"]
    reason = reason_text(event["reason"]) if "reason" in event else body.get("reason")
    found = [body.get("promotion"), body.get("verdict") or body.get("outcome"), body.get("by"), reason]
    return [str(each) for each in found if each]
