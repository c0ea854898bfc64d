"""Neighbours in a history that never began, as one row."""

from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct

from deploydb.query.view import Body

_COUNTED = 3
"""Environments: so many are a number."""


class Folded(Struct, frozen=True):
    """Skipped deployments, newest first, none of which was commanded. A rollback is none of them."""

    deployments: Sequence[Body]

    @property
    def versions(self) -> list[str]:
        """Each once, newest first."""
        return list(dict.fromkeys(str(one["version"]) for one in self.deployments))

    @property
    def where(self) -> str:
        """`staging, prod` in the order in which a release came to them, or how many there are."""
        names = list(dict.fromkeys(str(one["environment"]) for one in reversed(self.deployments)))
        return ", ".join(names) if len(names) < _COUNTED else f"{len(names)} environments"

    def span(self, dots: str = "…") -> str:
        """`1.4.0`, or `1.4.0 … 1.9.2`: the versions, oldest first."""
        first, last = self.versions[-1], self.versions[0]
        return first if first == last else f"{first} {dots} {last}"


def folded(deployments: Sequence[Body]) -> list[Folded | Body]:
    """A history as its answer has it, with two neighbours or more that never began as one."""
    rows: list[Folded | Body] = []
    for never_began, found in groupby(deployments, key=_never_began):
        neighbours = list(found)
        rows += [Folded(neighbours)] if never_began and len(neighbours) > 1 else neighbours
    return rows


def _never_began(one: Body) -> bool:
    never_began = one["requestedAt"] is None and one["startedAt"] is None
    return bool(one["kind"] == "deploy" and one["status"] == "SKIPPED" and never_began)
