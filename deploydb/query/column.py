"""A column of a table of a command."""

from typing import Literal

from msgspec import Struct


class Column(Struct, frozen=True):
    """A column, as it is declared. `holds`: `name` for a name, a number or a time, which stay on one line; `version`
    for the same, cut in the middle where no layout has the width for it; `text` for words, which wrap between words.

    `gives_way`: where a terminal is too narrow for the table, the column with the highest number is left out first; 0
    stays.
    """

    heading: str
    holds: Literal["name", "version", "text"] = "name"
    gives_way: int = 0
