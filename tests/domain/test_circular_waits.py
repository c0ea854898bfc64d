"""Circular waits of large catalogs: what they cost follows the number of waits."""

import sys

import pytest

from deploydb.domain.circular_waits import circular_waits
from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.model.catalog import Catalog, Environment, Pipeline, Service, Stage


def chain_into_a_circle(number: int, *, circle: bool) -> Catalog:
    """Each service waits for the next one, and the last one, with `circle`, for the one before it."""
    ends = [number - 2] if circle else []
    gates = [DependsOnPromotion(ident=f"g{i}", service=f"s{j}", environment="dev") for i, j in _waits(number, ends)]
    return Catalog(
        services={
            f"s{i}": Service(
                ident=f"s{i}",
                artifacts=(f"g:{i}",),
                pipelines=("main",),
                promotions=(f"g{i}",) if i < len(gates) else (),
            )
            for i in range(number)
        },
        environments={"dev": Environment(ident="dev")},
        pipelines={"main": Pipeline(ident="main", stages=(Stage(environment="dev"),))},
        promotions={gate.ident: gate for gate in gates},
    )


def _waits(number: int, ends: list[int]) -> list[tuple[int, int]]:
    return list(enumerate([*range(1, number), *ends]))


def calls(catalog: Catalog) -> int:
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        circular_waits(catalog)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("circle", [True, False])
def test_the_search_is_linear(circle: bool) -> None:
    small, large = (calls(chain_into_a_circle(number, circle=circle)) for number in (25, 100))
    assert large < 6 * small


def test_a_chain_that_leads_into_a_circle_is_not_part_of_it() -> None:
    (circle,) = circular_waits(chain_into_a_circle(100, circle=True))
    assert {(wait.service, wait.awaited) for wait in circle} == {("s98", "s99"), ("s99", "s98")}
