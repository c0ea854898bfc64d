"""What a fact says, as long as it is the latest on its subject."""

from typing import Any, Self

from msgspec import Struct

from deploydb.domain.model.deployment import FactOrder, fact_order
from deploydb.domain.model.facts import Fact


class LatestFact(Struct, frozen=True, kw_only=True):
    """The values of a fact that is kept: its columns of the same names. `event`: its row of the log."""

    at: FactOrder
    event: int | None = None

    @classmethod
    def of(cls, fact: Fact, event: int | None = None, /, **more: Any) -> Self:  # noqa: ANN401
        """The values of one fact; `more`: values that are not in it, such as when it was recorded."""
        given = fact.values() | more
        kept = {name: given[name] for name in cls.__struct_fields__ if name in given}
        return cls(**kept, at=fact_order(fact), event=event)
