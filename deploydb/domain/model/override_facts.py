"""Facts of people's orders: holds, hotfixes, promotions, rollbacks and further attempts."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from deploydb.domain.model.artifact import Coordinate, Name, Text
from deploydb.domain.model.fact import Fact, Time
from deploydb.domain.model.projection import Projection
from deploydb.domain.unsafe_characters import NAME

HoldId = Annotated[str, Meta(min_length=1, max_length=511, pattern=NAME)]
"""The id of a hold: a name, or SOURCE/ID of the fact that placed it."""
EVERY_HOLD = ""
"""In the place of a hold's id: each hold of a kind and scope."""


class AboutHold(Fact, frozen=True, kw_only=True):
    """A hold stops automation, over the scope that its fields name.

    pin     `service`, `environment`, `version`: automation keeps this version here
    veto    `service`, `version`, and perhaps `environment`: this version nowhere, or not here and downstream of here
    freeze  perhaps `environment`, perhaps `service`: nothing enters
    pause   `service`, perhaps `environment`: nothing is promoted

    `hold`: its id among the holds of one kind and scope; several stand beside each other.
    """

    kind: Literal["pin", "veto", "freeze", "pause"]
    by: Name
    hold: HoldId | None = None
    service: Name | None = None
    environment: Name | None = None
    version: Name | None = None
    reason: Text | None = None

    def __post_init__(self) -> None:
        needed = {"pin": ("service", "environment"), "veto": ("service", "version"), "pause": ("service",)}
        missing = [name for name in needed.get(self.kind, ()) if getattr(self, name) is None]
        if missing:
            raise ValueError(f"a {self.kind} needs {' and '.join(f'`{name}`' for name in missing)}")

    def columns(self) -> dict[str, Any]:
        return {"vetoed": self.version if self.kind == "veto" else None, "hold": self.hold or self.default_hold}

    @property
    def default_hold(self) -> str:
        """The id of a hold that `hold` does not name."""
        raise NotImplementedError


class HoldPlaced(AboutHold, frozen=True, kw_only=True, tag="hold.placed"):
    """A hold stands, from now on or `from` a time, `until` a time or until it is lifted."""

    projection = Projection(table="hold", replay="standing", constants={"placed": True}, change="held", detail="kind")

    begins: Time | None = field(default=None, name="from")
    until: Time | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "pin" and self.version is None:
            raise ValueError("a pin needs `version`: the one to keep")
        if self.begins is not None and self.until is not None and self.until <= self.begins:
            raise ValueError("`until` is not after `from`: give a later end")

    @property
    def default_hold(self) -> str:
        """A person has one pin on a lane: the next one takes its place. Any other hold is one of its own."""
        return self.by if self.kind == "pin" else f"{self.source}/{self.id}"


class HoldLifted(AboutHold, frozen=True, kw_only=True, tag="hold.lifted"):
    """The hold of that id, kind and scope is over; without `hold`, each of that kind and scope placed until now."""

    projection = Projection(
        table="hold", replay="standing", constants={"placed": False}, change="released", detail="kind"
    )

    @property
    def default_hold(self) -> str:
        return EVERY_HOLD


class HotfixDeclared(Fact, frozen=True, kw_only=True, tag="hotfix.declared"):
    """A version goes ahead of the others, past the stages in `skip`."""

    projection = Projection(table="hotfix", replay="standing", change="hotfix", detail="skip")
    stages = "skip"

    service: Name
    version: Name
    by: Name
    reason: Text
    skip: tuple[Name, ...] = ()


class PromotionRequested(Fact, frozen=True, kw_only=True, tag="promotion.requested"):
    """A person wants a version in one environment: ahead of the others there, past the stages in `skip` on its way.

    In every other lane the version goes its own way, as if the request had not been made.
    """

    projection = Projection(table="promotion_request", replay="standing", change="promoted", detail="skip")
    stages = "skip"

    service: Name
    environment: Name
    version: Name
    by: Name
    reason: Text
    skip: tuple[Name, ...] = ()


class AboutLane(Fact, frozen=True, kw_only=True):
    """A person's order for one lane. `artifact`: the module that it is about, of a service with several."""

    service: Name
    environment: Name
    by: Name
    reason: Text
    artifact: Coordinate | None = None

    def columns(self) -> dict[str, Any]:
        return {"module": self.artifact}


class RollbackRequested(AboutLane, frozen=True, kw_only=True, tag="rollback.requested"):
    """A person wants what ran before back: `version`, or the last one that succeeded there. `from`: the version that is
    to go; the request is refused where another one runs by then."""

    projection = Projection(table="rollback_request", replay="event", change="rollback wanted")

    from_version: Name | None = field(default=None, name="from")

    version: Name | None = None


class RetryRequested(AboutLane, frozen=True, kw_only=True, tag="retry.requested"):
    """A person wants another attempt of `version`: it failed, was skipped or superseded, or runs. `skip`: the
    promotions of the environment that this attempt does not have to pass."""

    projection = Projection(table="retry_request", replay="event", change="retry wanted")

    version: Name
    skip: tuple[Name, ...] = ()
