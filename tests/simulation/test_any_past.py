"""What must hold of any past, made up by hypothesis."""

import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import GateStatus
from deploydb.domain.model.facts import HoldPlaced, IncidentDetected
from tests.domain.given import THREE, at, catalog, chain
from tests.simulation.given import Past

CATALOGS = (
    catalog(*THREE),
    catalog(*chain("dev", "staging", "prod", staging=("soak",))),
    catalog(*chain("dev", "staging", "prod", dev=("smoke",), staging=("soak", "manual"))),
    catalog(*chain("dev", "prod"), entry={"prod": ("manual",)}),
)
MIRROR = {"earlier": "later", "later": "earlier", "blocked": "released", "released": "blocked", "unknown": "unknown"}

deployments = st.tuples(
    st.sampled_from(("dev", "staging", "prod")),
    st.integers(0, 300),
    st.integers(0, 90),
    st.sampled_from(("succeeded", "succeeded", "succeeded", "failed", None)),
    st.sampled_from((None, "passed", "failed")),
    st.booleans(),
)
releases = st.lists(st.tuples(st.integers(0, 600), st.lists(deployments, max_size=3, unique_by=lambda one: one[0])))
orders = st.lists(st.tuples(st.sampled_from(("freeze", "veto", "incident")), st.integers(0, 900)), max_size=3)


def past_of(made: list[Any], given_orders: list[Any]) -> Past:
    past = Past()
    for number, (published, attempts) in enumerate(made):
        past.publish(f"1.{number}", published)
        for environment, after, took, outcome, report, approved in attempts:
            asked: dict[str, GateStatus | None] = {"manual": GateStatus.PASS if approved else GateStatus.PENDING}
            ident = past.deployed(
                environment, f"1.{number}", published + after, took=took, outcome=outcome, asked=asked
            )
            if report is not None:
                past.reported(ident, "smoke", published + after + took + 5, outcome=report)
            if approved:
                past.approved(ident, "manual", published + after + 7)
    for number, (kind, minutes) in enumerate(given_orders):
        statement: dict[str, Any] = {"id": f"order-{number}", "source": "cli", "time": at(minutes)}
        if kind == "incident":
            past.tell(IncidentDetected(**statement, service="foo", environment="staging"))
        elif kind == "freeze":
            past.tell(HoldPlaced(**statement, kind="freeze", by="alice", environment="prod", until=at(minutes + 60)))
        else:
            past.tell(HoldPlaced(**statement, kind="veto", by="alice", service="foo", version="1.1"))
    return past


EXAMPLES = settings(max_examples=int(os.environ.get("DEPLOYDB_EXAMPLES", "150")))


@EXAMPLES
@given(releases, orders, st.sampled_from(CATALOGS))
def test_the_same_rules_twice_never_differ(made: list[Any], given_orders: list[Any], known: Catalog) -> None:
    found = past_of(made, given_orders).compared(known, known)
    assert found.differences == ()


@EXAMPLES
@given(releases, orders, st.sampled_from(CATALOGS), st.sampled_from(CATALOGS))
def test_the_other_way_round_each_difference_is_its_mirror(
    made: list[Any], given_orders: list[Any], old: Catalog, new: Catalog
) -> None:
    past = past_of(made, given_orders)
    there, back = past.compared(old, new), past.compared(new, old)
    assert {one.name: MIRROR[one.kind] for one in there.differences} == {one.name: one.kind for one in back.differences}
    assert (there.same, there.unknown) == (back.same, back.unknown)
    assert (there.hours("later"), there.hours("earlier")) == (back.hours("earlier"), back.hours("later"))


@EXAMPLES
@given(releases, orders, st.sampled_from(CATALOGS))
def test_a_deployment_that_was_never_made_has_not_failed(
    made: list[Any], given_orders: list[Any], new: Catalog
) -> None:
    past = past_of(made, given_orders)
    reality = past.reality()
    for one in past.compared(CATALOGS[0], new).differences:
        assert not (one.failed and reality.attempt(one.name) is None)
        assert not (one.stopped and one.kind != "blocked")
