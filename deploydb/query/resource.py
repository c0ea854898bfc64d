"""A resource as it is declared: its path, what may be asked of it, and what answers.

The declaration is what the routes, the checks of parameters and the OpenAPI document are made from.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from deploydb.query.request_context import RequestContext

Reader = Callable[["RequestContext"], Any]
_PART = re.compile(r"\{(\w+)")
Kind = Literal["text", "number", "moment"]


class Parameter(Struct, frozen=True, kw_only=True):
    """A parameter of the query. `about` is a sentence for people who read the interface's document or a command's help.

    `default`: of the option of a command.
    """

    name: str
    kind: Kind = "text"
    about: str
    required: bool = False
    least: int = 0
    most: int | None = None
    default: int | None = None
    choices: tuple[str, ...] = ()
    """Of a text: the only ones that are taken. Of a number: `least` to `most`."""
    pattern: str | None = None
    """Of a text: what the whole of it looks like, as a regular expression that Python and JSON Schema share."""


class Resource(Struct, frozen=True, kw_only=True):
    """A path that can only be read. `read` runs in a thread; what its annotation says it returns is the body.

    `momentary`: the answer depends on the time, not only on what is stored: it is made anew each time. `lasts`: how old
    a kept answer becomes at most, where nothing is stored meanwhile. `arguments`: the parameters that a command line
    gives by their place, after the parts of the path; the others are its options.
    """

    path: str
    read: Reader
    parameters: tuple[Parameter, ...] = ()
    momentary: bool = False
    lasts: timedelta | None = None
    arguments: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The first word of the path after `/api`."""
        return self.path.removeprefix("/api").split("/")[1]

    @property
    def parts(self) -> list[str]:
        """The names in the path."""
        return _PART.findall(self.path)

    def period(self, now: datetime) -> int:
        """Another number once an answer that lasts for some time is too old."""
        return int(now.timestamp() // self.lasts.total_seconds()) if self.lasts else 0

    @property
    def options(self) -> list[Parameter]:
        """The parameters that a command line gives by their names."""
        return [one for one in self.parameters if one.name not in (*self.arguments, *PAGING)]


def text(name: str, about: str, *choices: str, pattern: str | None = None) -> Parameter:
    """A parameter that is a text; with `choices`, one of them."""
    return Parameter(name=name, about=about, choices=choices, pattern=pattern)


def needed(name: str, about: str) -> Parameter:
    """A parameter that is a text, and must be given."""
    return Parameter(name=name, about=about, required=True)


def number(name: str, about: str, *, least: int = 0, most: int | None = None, default: int | None = None) -> Parameter:
    """A parameter that is a whole number from `least` to `most`."""
    return Parameter(name=name, kind="number", about=about, least=least, most=most, default=default)


def moment(name: str, about: str) -> Parameter:
    """A parameter that is a time: ISO 8601 with its offset from UTC."""
    return Parameter(name=name, kind="moment", about=about)


PAGING = ("pageNumber", "perPageSize")
PAGE = (number("pageNumber", "Which page, from 0."), number("perPageSize", "How many on a page, from 1.", least=1))
"""What lists take that come in pages."""
