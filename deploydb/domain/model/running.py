"""What the lanes of services run, and ran before."""

from datetime import datetime

from msgspec import Struct

from deploydb.domain.model.deployment import Release, Status


class CurrentVersion(Struct, frozen=True, kw_only=True):
    """What an environment runs of one module of a service: the last deployment that finished well."""

    deployment: int
    release: Release
    live_at: datetime


class KnownGood(Struct, frozen=True, kw_only=True):
    """A release that succeeded in a lane before, and the last deployment there that did."""

    deployment: int
    release: Release
    live_at: datetime
    completed: bool = False
    """Whether it succeeded in every stage of its flow, too."""
    rolled_back: bool = False
    """Whether a rollback has taken its place there since."""
    failed: bool = False
    """Whether it came to run there again since, and failed."""
    in_trouble: bool = False
    """Whether an incident that is open there names it."""


class DependencyState(Struct, frozen=True, kw_only=True):
    """What a lane of another service runs of one module, and how it got on there."""

    service: str
    environment: str
    release: Release
    deployment: int
    status: Status
