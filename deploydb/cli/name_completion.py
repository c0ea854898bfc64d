"""Completion of services, environments, versions, promotions and people as the server has them, and of types."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from deploydb.cli.client import ask, ask_all
from deploydb.cli.completion_cache import names_of

_VERSIONS = 200
"""Deployments of a service whose versions are offered, beside those on their way."""


def complete_names(command: click.Command) -> None:
    """Have the names that a command takes, and those of its subcommands, completed."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            complete_names(below)
    for parameter in command.params:
        kind = _KINDS.get((parameter.metavar or "").lower()) or _KINDS.get(parameter.name or "")
        if kind is not None:
            parameter._custom_shell_complete = _completing(kind)  # as the decorator's `shell_complete`


def _completing(known: "_Known") -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in known(context, begun) if name.startswith(begun)]

    return complete


def _idents(path: str) -> "_Known":
    return lambda _context, _begun: names_of(path, lambda: (str(one["ident"]) for one in ask_all(path)))


def _versions(context: click.Context, _begun: str) -> Iterable[str]:
    service = context.params.get("service")
    if not service:
        return []

    def ask_versions() -> Iterable[str]:
        pending = [one for lane in ask("status", service=service)["lanes"] for one in lane["pending"]]
        deployments = ask("history", service, perPageSize=_VERSIONS)["deployments"]
        return [str(one["version"]) for one in (*pending, *deployments)]

    return names_of(f"versions/{service}", ask_versions)


def _people(_context: click.Context, begun: str) -> Iterable[str]:
    return names_of(f"people/{begun}", lambda: map(str, ask("people", begins=begun or None)["people"]))


def _types(_context: click.Context, _begun: str) -> Iterable[str]:
    from deploydb.engine.decision_events import EVENT_TYPES

    return EVENT_TYPES


_Known = Callable[[click.Context, str], Iterable[str]]
"""The names for a command with what is given so far, and the beginning of the wanted one."""
_KINDS: dict[str, _Known] = {
    "service": _idents("services"),
    "environment": _idents("environments"),
    "origin": _idents("environments"),
    "target": _idents("environments"),
    "promotion": _idents("promotions"),
    "version": _versions,
    "type": _types,
    "by": _people,
    "person": _people,
    "who": _people,
}
"""What is offered for a parameter, by its name or the word that stands for it in the help."""
