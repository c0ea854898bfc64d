"""A table as a terminal shows it: within its width, with the colours of states."""

import sys
from collections.abc import Callable, Iterable, Sequence
from shutil import get_terminal_size

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploydb.cli.fitting import GAP, Layout, Row, fitted, flowed
from deploydb.cli.output import MarkedLine
from deploydb.query.column import Column
from deploydb.terminal import plain

STYLES = {
    "SUCCESS": "green",
    "COMPLETED": "cyan",
    "CREATED": "blue",
    "STARTED": "blue",
    "FAILED": "red",
    "SKIPPED": "bright_black",
    "PASS": "green",
    "PENDING": "yellow",
    "FAIL": "red",
    "ERROR": "magenta",
}
"""The colour of a word, where there is one."""


def show_on_terminal(
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    most: int | None,
    every: bool,
    instead: Callable[[], None] | None,
    colour: bool | None,
) -> None:
    """Print it, or call `instead` where it does not fit.

    Columns give way only in a table of rows without a limit; `most`: lines of a row. `every`: no column is left out for
    want of content. `colour`: None where the terminal decides. Where no terminal is, any width will do.
    """
    width = get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    layout = fitted(columns, rows, width, whole=most is not None, every=every)
    if layout is None and instead is not None:
        instead()
        return
    drawn_width = sum(layout.widths) + GAP * (len(layout.widths) - 1) if layout is not None else width
    console = _console(max(drawn_width, 1), colour)
    if layout is not None:
        console.print(_table(columns, rows, layout))
        return
    stay = [place for place, column in enumerate(columns) if most is not None or not column.gives_way]
    shown = [columns[place] for place in stay]
    heading = flowed([Column(column.heading) for column in shown], [column.heading for column in shown], width)
    for line in (*heading, "─" * width):
        console.print(Text(line, "bold" if line in heading else ""), soft_wrap=True)
    for row in rows:
        for line in flowed(shown, [row[place] for place in stay], width, most=most):
            console.print(_styled(line), soft_wrap=True)


def show_lines(lines: Iterable[MarkedLine], *, colour: bool | None) -> None:
    """Print lines of any width, each with its mark in the colour of its status."""
    console = _console(sys.maxsize, colour)
    for line in lines:
        text = _styled(line.text)
        if line.status in STYLES:
            text.stylize(STYLES[line.status], line.at, line.at + 1)
        console.print(text, soft_wrap=True)


def _console(width: int, colour: bool | None) -> Console:
    return Console(
        file=plain(sys.stdout),
        force_terminal=colour or None,
        no_color=None if colour is None else not colour,
        width=width,
        height=get_terminal_size().lines,
    )


def _table(columns: Sequence[Column], rows: Sequence[Row], layout: Layout) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for place, width in zip(layout.places, layout.widths, strict=True):
        table.add_column(columns[place].heading, width=width, no_wrap=columns[place].holds != "text")
    for row in rows:
        table.add_row(*(_styled(row[place]) for place in layout.places))
    return table


def _styled(text: str) -> Text:
    cell = Text(text)
    for word, style in STYLES.items():
        cell.highlight_regex(rf"\b{word}\b", style)
    return cell
