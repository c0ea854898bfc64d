"""What a payload reports, in the tool's own names."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Kind = Literal["artifact", "deployment", "verification", "incident"]
Outcome = Literal["started", "succeeded", "passed", "failed", "errored", "pending", "detected", "resolved"]
"""Of a deployment: started, succeeded, failed. Of a verification: passed, failed, errored, pending. Of an incident:
detected, resolved."""


class Signal(Struct, frozen=True, kw_only=True):
    """One event of a tool. `names`: what rules match on, by the names that the tool declares.

    `key`: the same for each delivery of the event, and for each payload that reports it. `moves`: whether the version
    is a tag, which may be one that moves. `part`: it is of one of several files, whose artifact a rule must name.
    `author`: of the commit; `triggered_by`: the person who had the artifact built or published.
    """

    kind: Kind
    key: str
    names: dict[str, str]
    outcome: Outcome | None = None
    version: str | None = None
    moves: bool = False
    part: bool = False
    commit: str | None = None
    digest: str | None = None
    author: str | None = None
    triggered_by: str | None = None
    url: str | None = None
    incident: str | None = None
    reason: str | None = None
    time: datetime | None = None


class Ignored(Struct, frozen=True, kw_only=True):
    """What becomes no fact, and why. `lacks`: the keys of a rule that would make it one."""

    reason: str
    lacks: tuple[str, ...] = ()
