"""The sections of the matrix: its rows by group, page by page."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from urllib.parse import quote, unquote

from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.query.lane_state import STATES
from deploydb.query.matrix_rows import MatrixService
from deploydb.query.service_groups import group_of

MOST_SERVICES = 200
"""Of a page."""
_HEAD = 900
"""Bytes of the row of a group, without its name, which is four times there."""
_NONE = "!"
"""The group of those that have none; in a name it is escaped."""


class Section(Struct, frozen=True, kw_only=True):
    """A group on a page; None for the services that have none, and for all where they are not grouped. `counts`: of all
    services of the group, how many have a lane in each state, and all. A `closed` one shows none of them."""

    group: str | None
    counts: Mapping[str, int]
    closed: bool
    services: Sequence[MatrixService]


_Place = tuple[str | None, MatrixService | None]
"""A service of a group, or the group's own row."""


def sections_by_page(
    catalog: Catalog,
    services: Sequence[MatrixService],
    by: str | None,
    closed: Collection[str | None],
    most: int,
    weight_of: Callable[[MatrixService], int],
) -> Sequence[Sequence[Section]]:
    """Ordered services page by page, `most` of weight on each unless a service is heavier; one page where there are
    none. Grouped `by` team or label, in the order of the groups' names, what has none at the end."""
    groups: dict[str | None, list[MatrixService]] = {None: []} if by is None else {}
    for one in services:
        groups.setdefault(group_of(catalog, one.name, by) if by is not None else None, []).append(one)
    places: list[_Place] = []
    for group in sorted(groups, key=lambda name: (name is None, name or "")):
        places += [(group, None)] if by is not None else []
        places += [(group, one) for one in groups[group]] if group not in closed or by is None else []
    pages = _pages(places, most, lambda place: _weight(place, weight_of))
    counts = {group: counts_of(members) for group, members in groups.items()}
    return [
        [
            Section(
                group=group,
                counts=counts[group],
                closed=by is not None and group in closed,
                services=[one for _, one in mine if one is not None],
            )
            for group, mine in groupby(page, key=lambda place: place[0])
        ]
        for page in pages
    ]


def counts_of(services: Sequence[MatrixService]) -> dict[str, int]:
    """How many have a lane in each state, and all."""
    counted = Counter(state for service in services for state in service.states)
    return {"all": len(services), **{name: counted[name] for name in STATES}}


def groups_in(text: str | None) -> list[str | None]:
    """The groups in a parameter that lists some."""
    return [unquote(one) if one != _NONE else None for one in text.split(",")] if text is not None else []


def listing(groups: Sequence[str | None]) -> str:
    """As `groups_in` reads it: special characters of a name are escaped."""
    return ",".join(quote(one, safe="") if one is not None else _NONE for one in groups)


def _weight(place: _Place, weight_of: Callable[[MatrixService], int]) -> int:
    group, service = place
    return weight_of(service) if service is not None else _HEAD + 12 * len(group or "")


def _pages(places: Sequence[_Place], most: int, weight_of: Callable[[_Place], int]) -> list[list[_Place]]:
    pages: list[list[_Place]] = [[]]
    weight = 0
    for place in places:
        own = weight_of(place)
        if pages[-1] and (len(pages[-1]) == MOST_SERVICES or weight + own > most):
            pages.append([])
            weight = 0
        pages[-1].append(place)
        weight += own
    return pages
