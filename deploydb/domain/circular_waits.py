"""Circular waits: stages that wait for each other through `DependsOn` gates and pipelines, so that no release comes to
any of them. They follow from the catalog alone."""

from collections.abc import Iterator, Sequence

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
    """Each circle once, as its waits in their order; a gate of a lane that does not exist is in none."""
    needs = dict(_needs(catalog))
    never = _never(needs)
    found: dict[frozenset[LaneWait], tuple[LaneWait, ...]] = {}
    for node in sorted(never):
        circle = _circle(node, needs, never)
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


def _never(needs: dict[_Node, list[_Need]]) -> set[_Node]:
    """The nodes that no order of events reaches: what is left when all that can come has come."""
    left = set(needs)
    grew = True
    while grew:
        come = {node for node in left if all(any(_is_there(one, needs, left) for one in n.any_of) for n in needs[node])}
        left -= come
        grew = bool(come)
    return left


def _is_there(node: _Node, needs: dict[_Node, list[_Need]], left: set[_Node]) -> bool:
    """What no pipeline leads to may be put there by hand."""
    return node not in needs or node not in left


def _circle(start: _Node, needs: dict[_Node, list[_Need]], never: set[_Node]) -> tuple[LaneWait, ...]:
    """The circle that a node leads into, from its least wait on."""
    way: list[_Node] = []
    steps: list[LaneWait | None] = []
    node = start
    while node not in way:
        way.append(node)
        need = next(one for one in needs[node] if all(each in never for each in one.any_of))
        after = need.any_of[0]
        lanes = {"service": node[1], "environment": node[2], "awaited": after[1], "awaited_in": after[2]}
        is_own = node[1:] == after[1:] and not need.promotion
        steps.append(None if is_own else LaneWait(**lanes, promotion=need.promotion))
        node = after
    circle = [step for step in steps[way.index(node) :] if step is not None]
    turn = circle.index(min(circle))
    return (*circle[turn:], *circle[:turn])
