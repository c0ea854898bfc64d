"""A run of a tool: what is known of it, and how it ends."""

from typing import Literal

from msgspec import Struct

LAST_LINES = 10


class Run(Struct, frozen=True, kw_only=True):
    """A run that the tool has taken. `id` is the tool's own for it. `url`: its page, None until there is one. `etag`:
    of the last look. `begun`: whether it does something, and is not only waiting."""

    id: str
    url: str | None = None
    etag: str | None = None
    begun: bool = True


class Running(Struct, frozen=True, kw_only=True):
    """It has not ended. `run`: as it is known now."""

    run: Run


class Finished(Struct, frozen=True, kw_only=True):
    """It has ended. `reason`: why it failed. `log`: the last lines of its log, where they were asked for."""

    run: Run
    outcome: Literal["succeeded", "failed"]
    reason: str = ""
    log: tuple[str, ...] = ()


def last_lines(text: str) -> tuple[str, ...]:
    """The last lines that say something, each whole: a secret that is cut is no longer known as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(lines[-LAST_LINES:])
