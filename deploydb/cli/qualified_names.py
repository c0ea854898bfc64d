"""Names as `-o name` prints them, `service/storefront`, where a command takes the name alone."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    _Type = click.ParamType[Any]
else:  # of an older click it takes no parameter
    _Type = click.ParamType

_KINDS = {
    "service": "service",
    "environment": "environment",
    "origin": "environment",
    "target": "environment",
    "version": "version",
    "hold": "hold",
}
"""The kind that `-o name` prints before the name, by the parameter or the word that stands for it in the help."""
_GROUPS = ("dead", "webhook")
"""Commands whose ID is printed after their name."""


def take_qualified_names(command: click.Command) -> None:
    """Have a command and its subcommands take `KIND/NAME` for a name, and `hold/KIND/ID` for a hold."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            take_qualified_names(below)
            if command.name in _GROUPS:
                _take(below, {"id": str(command.name)})
    _take(command, _KINDS)


def _take(command: click.Command, kinds: dict[str, str]) -> None:
    for parameter in command.params:
        kind = kinds.get((parameter.metavar or "").lower()) or kinds.get(parameter.name or "")
        if kind is not None and not isinstance(parameter.type, _Qualified):
            parameter.type = _Qualified(kind, parameter.type)


class _Qualified(_Type):
    """Of another type, after the kind, if it is there."""

    def __init__(self, kind: str, inner: _Type) -> None:
        self.name = inner.name
        self._prefix = f"{kind}/"
        self._inner = inner

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """The name alone. Raises: as the type."""
        if isinstance(value, str) and value.startswith(self._prefix):
            value = value.rpartition("/")[2] if self._prefix == "hold/" else value.removeprefix(self._prefix)
        return self._inner.convert(value, param, ctx)
