"""What needs somebody, as it is answered: an entry, and the acts beside it."""

import shlex
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from deploydb.query.bodies import ReasonBody

Kind = Literal[
    "workers",
    "commands",
    "incident",
    "failure",
    "rollback",
    "vetoed",
    "stuck",
    "starved",
    "approval",
    "drift",
    "hold",
    "contradiction",
    "dead",
    "unmatched",
    "webhook",
    "configuration",
]
"""In this order."""
Verb = Literal["approve", "refuse", "retry", "roll back", "promote", "lift", "accept", "replay", "look"]


WHY = "WHY"
"""Stands for the reason in a command that asks for one."""


class Act(Struct, frozen=True, kw_only=True):
    """What may be done about an entry, and the command that does it. `version`: what the lane would get by it, where
    that is known; `digest`: the file that an acceptance makes the version."""

    verb: Verb
    command: str
    version: str | UnsetType = UNSET
    digest: str | UnsetType = UNSET


class Entry(Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that needs somebody. `text`: why, in a line, of `reason` where there is one. `since`, `until`: when it
    began, and when it ends by itself. `count`: of several of its kind in one lane, or of one cause. `promotion`: the
    gate. `approvers`: those whose approval counts; null: everybody's, but `not_approvers`. `mine`: whether the person's
    counts who asks. `hold`: its id, `hold_kind` its kind."""

    kind: Kind
    service: str | None = None
    environment: str | None = None
    module: str | None = None
    version: str | None = None
    deployment: int | None = None
    text: str
    reason: ReasonBody | None = None
    since: str | None = None
    until: str | None = None
    count: int = 1
    acts: list[Act]
    promotion: str | UnsetType = UNSET
    asked: Literal["entry"] | UnsetType = UNSET
    approvers: list[str] | UnsetType | None = UNSET
    not_approvers: list[str] | UnsetType = UNSET
    mine: bool | UnsetType = UNSET
    hold: str | UnsetType = UNSET
    hold_kind: str | UnsetType = UNSET


def act(verb: Verb, command: str, *names: str, brings: str | None = None, **options: str | None) -> Act:
    """An act by the command `deploydb COMMAND NAMES… --OPTION VALUE`. Options that are None are left out. `brings`: the
    act's version."""
    given = [word for name, value in options.items() if value is not None for word in (f"--{name}", value)]
    marked = ["--", *names] if any(name.startswith("-") for name in names) else list(names)
    words = [*command.split(), *given, *marked] if marked[:1] == ["--"] else [*command.split(), *marked, *given]
    return Act(verb=verb, command=shlex.join(["deploydb", *words]), version=brings or UNSET)


def look(service: str, environment: str, version: str | None = None, *, module: str | None = None) -> Act:
    """The act of reading why a version of a module is, or is not, in a lane."""
    return act("look", "why", service, environment, *([version] if version is not None else ()), artifact=module)
