"""Tables within the width of a terminal: which columns stay and how wide they are, or the cells of a row in its lines.

A column with `gives_way` is left out where the others need its width. Where that is not enough a row is no line of a
table: its cells follow each other, and a new line begins between two cells or two words. No name is broken: one that is
wider than the terminal has a line of its own.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from msgspec import Struct
from rich.cells import cell_len

from deploydb.query.column import Column
from deploydb.query.text_width import cut_in_middle

GAP = 2
"""Spaces between two columns, and before each further line of a row."""
_LEAST_TEXT = 20
"""A column of longer text is no narrower."""
_LEAST_SHORTENED = 30
"""A text is cut down to this before a column gives way to it."""

Row = Sequence[str]


class Layout(Struct, frozen=True):
    """The columns that stay, by their places, and the width of each."""

    places: list[int]
    widths: list[int]


def fitted(
    columns: Sequence[Column], rows: Sequence[Row], width: int, *, whole: bool = False, every: bool = False
) -> Layout | None:
    """The layout of a table within `width`; None where there is none. Columns without content are left out first.

    `every`: no column is left out. `whole`: no text is wrapped either.
    """
    texts = [[column.heading, *(row[place] for row in rows)] for place, column in enumerate(columns)]
    natural = [max(map(cell_len, cells)) for cells in texts]
    least = [
        wide if whole or column.holds != "text" else max(min(wide, _LEAST_TEXT), _longest_word(cells))
        for column, cells, wide in zip(columns, texts, natural, strict=True)
    ]
    for places in _kept(columns, rows) if not (whole or every) else [list(range(len(columns)))]:
        left = width - sum(least[place] for place in places) - GAP * (len(places) - 1)
        if left >= 0:
            wanted = [natural[place] - least[place] for place in places]
            share = min(left / (sum(wanted) or 1), 1)
            return Layout(places, [least[at] + int(more * share) for at, more in zip(places, wanted, strict=True)])
    return None


def flowed(columns: Sequence[Column], row: Row, width: int, *, most: int | None = None) -> list[str]:
    """The cells of a row one after the other, in lines of at most `width`. `most`: lines; text is cut at its end for
    that, then columns give way. Only names alone may need more lines, or more width."""
    cells = [(column, cell) for column, cell in zip(columns, row, strict=True) if cell]
    lines = _lines(cells, width)
    if most is None or len(lines) <= most:
        return lines
    while True:
        droppable = [at for at, (column, _) in enumerate(cells) if column.gives_way]
        lines = _shortened(cells, width, most, _LEAST_SHORTENED if droppable else 0)
        if len(lines) <= most or not droppable:
            return lines
        del cells[max(droppable, key=lambda at: cells[at][0].gives_way)]


def _kept(columns: Sequence[Column], rows: Sequence[Row]) -> Iterator[list[int]]:
    """The places that stay: all, then those with content, then without one more that gives way each time."""
    places = list(range(len(columns)))
    yield places
    places = [place for place in places if any(row[place] for row in rows)]
    yield places
    for leaving in sorted(places, key=lambda place: (-columns[place].gives_way, -place)):
        if columns[leaving].gives_way:
            places = [place for place in places if place != leaving]
            yield places


def _longest_word(cells: Sequence[str]) -> int:
    return max((cell_len(word) for cell in cells for word in cell.split()), default=0)


def _lines(cells: Sequence[tuple[Column, str]], width: int) -> list[str]:
    lines = [""]
    for column, cell in cells:
        gap = " " * GAP
        for word in cell.split() if column.holds == "text" else [cell]:
            fits = cell_len(lines[-1]) + len(gap) + cell_len(word) <= width
            if lines == [""]:
                lines = [cut_in_middle(word, width) if column.holds == "version" else word]
            elif fits:
                lines[-1] += gap + word
            else:
                lines.append(" " * GAP + (cut_in_middle(word, width - GAP) if column.holds == "version" else word))
            gap = " "
    return lines


def _shortened(cells: Sequence[tuple[Column, str]], width: int, most: int, least: int) -> list[str]:
    """The lines with as many words of the last text as `most` lines have room for. More lines where there is no room
    for `least` characters of it."""
    at = max((place for place, (column, _) in enumerate(cells) if column.holds == "text"), default=None)
    if at is None:
        return _lines(cells, width)
    column, text = cells[at]
    words = text.split()

    def short(count: int) -> str:
        return text if count == len(words) else " ".join([*words[:count], "…"])

    def lines(count: int) -> list[str]:
        return _lines([*cells[:at], (column, short(count)), *cells[at + 1 :]], width)

    fewest = bisect_left(range(len(words)), least, key=lambda count: len(short(count)))
    room = bisect_right(range(fewest, len(words) + 1), most, key=lambda count: len(lines(count)))
    return lines(fewest + max(room - 1, 0))
