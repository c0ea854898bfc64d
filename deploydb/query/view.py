"""A view as it is declared: a resource, with its page and the command that gives the same answer."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.formatting import in_words
from deploydb.query.column import Column
from deploydb.query.resource import Reader, Resource

Body = dict[str, Any]
"""An answer, or a part of it, as its JSON has it."""


class Ago(Struct, frozen=True):
    """A time in a cell, shown as how long ago it was."""

    time: str | None


class Until(Struct, frozen=True):
    """A time in a cell, shown as how far in the future it is."""

    time: str | None


def lasting(seconds: float) -> str:
    """A length of time, as a part of a cell."""
    return in_words(timedelta(seconds=round(seconds)))


Cell = str | int | Ago | Until | Body | tuple[Any, ...] | None
"""A body is a reason, shown as its text. The parts of a tuple stand beside each other."""


class Table(Struct, frozen=True):
    """Rows of cells, below lines that are each like a cell."""

    rows: Iterable[Sequence[Cell]]
    lead: Sequence[Cell] = ()


class Command(Struct, frozen=True, kw_only=True):
    """The texts of a command, and the layout of its answer.

    `purpose`: for the list of commands; `about`: for its help, where that says more. `member`: of the answer, and of no
    other service's answer. `names`: printed by `-o name`. `empty`: printed in place of a table without rows, with the
    values of arguments and options in it; `more`: printed where the answer says that there is more. `most`: lines of a
    row on a terminal, whatever its width.
    """

    purpose: str
    about: str = ""
    examples: tuple[str, ...]
    member: str
    names: Callable[[Body], Iterable[str]]
    columns: tuple[Column, ...]
    tables: Callable[[Body], Iterable[Table]]
    empty: str = ""
    more: str = ""
    most: int | None = None


def _read_by_name(_: object) -> None:
    raise NotImplementedError


class View(Resource, frozen=True, kw_only=True):
    """A read. Its reader is the function of its name in `resources`, where none is given.

    `template`: of its page, at the path without `/api`; `title`: by which every page leads there.
    """

    read: Reader = _read_by_name
    template: str | None = None
    title: str | None = None
    command: Command

    def resolved(self) -> "View":
        """The view with its reader."""
        if self.read is not _read_by_name:
            return self
        return replace(self, read=getattr(import_module(f"deploydb.query.resources.{self.name}"), self.name))
