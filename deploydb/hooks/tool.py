"""A tool that sends webhooks."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from msgspec import Struct

from deploydb.hooks import tools
from deploydb.hooks.payload import Request
from deploydb.hooks.schemes import Scheme
from deploydb.hooks.signal import Ignored, Signal

Report = Signal | Ignored


class Tool(Struct, frozen=True, kw_only=True):
    """How its requests are verified, and what they report.

    `names`: what rules may match on, each with its meaning; `label.*` stands for each name that begins so. `read`
    raises MessageRejected for a payload that is not as the tool documents it.
    """

    schemes: tuple[Scheme, ...]
    names: Mapping[str, str]
    read: Callable[[Request], Sequence[Report]]


@cache
def known_tools() -> dict[str, Tool]:
    """Each tool by its type in files, which is the name of its module."""
    found = sorted(module.name for module in iter_modules(tools.__path__))
    return {name: import_module(f"{tools.__name__}.{name}").TOOL for name in found}


def ignored(reason: str) -> list[Report]:
    """For a payload that reports nothing of ours."""
    return [Ignored(reason=reason)]
