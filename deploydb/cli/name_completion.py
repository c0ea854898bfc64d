"""Completion of names, from the query service: services, environments, versions, promotions and types of events."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from deploydb.cli.client import ask, ask_all
from deploydb.domain.model.errors import DeployDBError

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


def _completing(
    known: Callable[[click.Context], Iterable[str]],
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        try:
            names = dict.fromkeys(known(context))
        except (DeployDBError, click.UsageError):  # without an answer there is nothing to offer
            return []
        return [CompletionItem(name) for name in names if name.startswith(begun)]

    return complete


def _idents(path: str) -> Callable[[click.Context], Iterable[str]]:
    return lambda _context: [str(one["ident"]) for one in ask_all(path)]


def _versions(context: click.Context) -> Iterable[str]:
    service = context.params.get("service")
    if not service:
        return []
    pending = [one for lane in ask("status", service=service)["lanes"] for one in lane["pending"]]
    deployments = ask("history", service, perPageSize=_VERSIONS)["deployments"]
    return [str(one["version"]) for one in (*pending, *deployments)]


def _types(_context: click.Context) -> Iterable[str]:
    from deploydb.engine.decision_events import EVENT_TYPES

    return EVENT_TYPES


_KINDS: dict[str, Callable[[click.Context], Iterable[str]]] = {
    "service": _idents("services"),
    "environment": _idents("environments"),
    "origin": _idents("environments"),
    "target": _idents("environments"),
    "promotion": _idents("promotions"),
    "version": _versions,
    "type": _types,
}
"""What is offered for a parameter, by its name or the word that stands for it in the help."""
