"""Circular waits: stages that wait for each other through `DependsOn` gates and pipelines, so that no release comes to
any of them. They follow from the catalog alone."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from deploydb.domain.gates import Promotion
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.reason_parts import LaneWait

_Node = tuple[bool, str, str]
"""A service that has entered an environment, or (True) succeeded there."""


class _Need(Struct, frozen=True, kw_only=True):
    """Any one of these nodes must come first. `promotion`: the gate that asks for it; empty: the pipeline."""

    any_of: tuple[_Node, ...]
    promotion: str = ""


def circular_waits(catalog: Catalog) -> tuple[tuple[LaneWait, ...], ...]:
    """Each circle once, as its waits in their order; a gate of a lane that does not exist is in none.

    Linear in the needs of the catalog's stages.
    """
    needs = dict(_needs(catalog))
    never = _never(needs)
    found: dict[frozenset[LaneWait], tuple[LaneWait, ...]] = {}
    seen: set[_Node] = set()
    for start in sorted(never):
        way: dict[_Node, LaneWait | None] = {}
        node = start
        while node not in seen:
            seen.add(node)
            way[node], node = _step(node, needs[node], never)
        if node in way:  # else it leads into a circle that is found already
            circle = _circle(node, way)
            if circle:
                found.setdefault(frozenset(circle), circle)
    return tuple(sorted(found.values()))


def _needs(catalog: Catalog) -> Iterator[tuple[_Node, list[_Need]]]:
    for service in catalog.services.values():
        for stage in catalog.stages(service):
            yield (False, service.ident, stage.environment), list(_to_enter(catalog, service, stage))
            succeeds = [_Need(any_of=((False, service.ident, stage.environment),))]
            succeeds += _dependencies(catalog.exit_promotions(service, stage))
            yield (True, service.ident, stage.environment), succeeds


def _to_enter(catalog: Catalog, service: Service, stage: Stage) -> Iterator[_Need]:
    upstream = tuple((True, service.ident, name) for name in stage.after.environments)
    if stage.after.need == "any" and upstream:
        yield _Need(any_of=upstream)
    else:
        yield from (_Need(any_of=(node,)) for node in upstream)
    yield from _dependencies(catalog.entry_promotions(stage.environment))


def _dependencies(promotions: Sequence[Promotion]) -> list[_Need]:
    return [
        _Need(any_of=((True, one.service, one.environment),), promotion=promotion.ident)
        for promotion in promotions
        for one in promotion.dependencies
    ]


def _never(needs: Mapping[_Node, Sequence[_Need]]) -> set[_Node]:
    """The nodes that no order of events reaches: what is left when all that can come has come."""
    unmet: dict[_Node, set[int]] = {}
    needed_by: dict[_Node, list[tuple[_Node, int]]] = {}
    for node, each in needs.items():
        # what no pipeline leads to may be put there by hand
        unmet[node] = {index for index, need in enumerate(each) if all(one in needs for one in need.any_of)}
        for index in unmet[node]:
            for one in each[index].any_of:
                needed_by.setdefault(one, []).append((node, index))
    come = [node for node, left in unmet.items() if not left]
    never = set(needs)
    while come:
        there = come.pop()
        never.discard(there)
        for node, index in needed_by.get(there, ()):
            if index in unmet[node]:
                unmet[node].remove(index)
                if not unmet[node]:
                    come.append(node)
    return never


def _step(node: _Node, needs: Sequence[_Need], never: set[_Node]) -> tuple[LaneWait | None, _Node]:
    """The first wait of a node that never ends, and the node that it waits for; None where that is its own stage."""
    need = next(one for one in needs if all(each in never for each in one.any_of))
    after = need.any_of[0]
    if node[1:] == after[1:] and not need.promotion:
        return None, after
    lanes = {"service": node[1], "environment": node[2], "awaited": after[1], "awaited_in": after[2]}
    return LaneWait(**lanes, promotion=need.promotion), after


def _circle(start: _Node, way: Mapping[_Node, LaneWait | None]) -> tuple[LaneWait, ...]:
    """The circle that a way ends with, from its least wait on."""
    nodes = list(way)
    circle = [step for node in nodes[nodes.index(start) :] if (step := way[node]) is not None]
    turn = circle.index(min(circle)) if circle else 0
    return (*circle[turn:], *circle[:turn])
