"""The base of all facts, and what every reader of facts asks of a type of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from deploydb.domain.model.artifact import Name
from deploydb.domain.model.projection import Projection

Time = Annotated[datetime, Meta(tz=True)]
Number = Annotated[int, Meta(gt=0, le=2**63 - 1)]
"""A row's id."""

OWN_SOURCE = "deploydb"
"""The source of DeployDB's own decisions, which are no facts: no fact may have it."""
ID_MARK = "␟"
"""Between an id and a publisher, in an id that the log has given: no fact may bring it."""


class Fact(Struct, frozen=True, kw_only=True, tag_field="type"):
    """An event that `source` reports.

    Of its fields, `by`, `service` and `environment` are columns of the log. It concerns the service that it names; with
    none, the services with open deployments of its `artifact`, or in its `environment`, or any.
    """

    projection: ClassVar[Projection]
    stages: ClassVar[str | None] = None
    """The field that lists environments."""

    id: Name
    source: Name
    time: Time | None = None

    def columns(self) -> dict[str, Any]:
        """Further columns, beside its fields and constants. In a key, None is kept as an empty text."""
        return {}

    def renamed(self, now: Callable[[str], str]) -> Self:
        """The fact with the names that environments have `now`."""
        given: dict[str, Any] = {}
        environment = getattr(self, "environment", None)
        if environment is not None:
            given["environment"] = now(environment)
        if self.stages is not None:
            given[self.stages] = tuple(map(now, getattr(self, self.stages)))
        changed = {name: value for name, value in given.items() if value != getattr(self, name)}
        return replace(self, **changed) if changed else self

    def in_environment(self, name: str | None) -> Self:
        """The fact with this name of the environment that it names, if any."""
        given = getattr(self, "environment", None)
        return replace(self, environment=name) if name is not None and given not in (None, name) else self

    def values(self) -> dict[str, Any]:
        """Its fields, constants and further columns."""
        return asdict(self) | self.projection.constants | self.columns()


def type_of(fact: Fact | type[Fact]) -> str:
    """The fact's `type` on the wire."""
    return str(fact.__struct_config__.tag)


def fact_types(base: type[Fact] = Fact) -> tuple[type[Fact], ...]:
    """Every type of fact, by name: each subclass that has none itself."""
    found = [kind for struct in base.__subclasses__() for kind in fact_types(struct) or (struct,)]
    return tuple(sorted(found, key=type_of))
