"""The replay of the unchanged catalog finds no difference from reality, whatever has happened, on real databases."""

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from deploydb.domain.model.catalog import After, Catalog, Stage
from deploydb.simulation import reproduce
from tests.domain.any_catalog import CATALOGS, DARING, MODULES, made
from tests.domain.test_any_history import AnyHistory, AnyOrders
from tests.servers import PostgreSQL
from tests.simulation.reality import Reality


class RealHistory(AnyHistory):
    """Facts of every kind on a store, in any order, some of them late, repeated, with skewed clocks or by hand.

    Each step is recorded and evaluated on its own, with a clock that only moves on.
    """

    open_store: Callable[[Catalog], Reality]

    @initialize(known=CATALOGS)
    def begin(self, known: Catalog) -> None:
        self.it = type(self).open_store(known)
        for version in ("0.8", "0.9"):
            self.it.publish(version)
            self.live_on(bad=False, module=MODULES[0])

    ask_what_unblocks_it = step_back = reload = rename = None

    @rule(bad=st.booleans(), module=st.sampled_from(MODULES))
    def live_on(self, bad: bool, module: str) -> None:
        """Everything is answered, and something newer comes."""
        self.go_on(rounds=1, bad=bad, module=module)

    @invariant()
    def recorded(self) -> None:
        """The facts of a step are recorded in one batch."""
        self.it.flush()

    def teardown(self) -> None:
        """Every command is reproduced, in order, when it was given."""
        if not hasattr(self, "it"):
            return
        it: Reality = self.it
        try:
            replay, reality = it.simulated()
            found = reproduce(replay, reality)
            assert (found.deviations, found.extra, found.reproduced) == ((), 0, found.real)
            assert sorted(replay.commands) == sorted(
                (one.recorded_at, reality.name(one.deployment))
                for one in reality.decisions
                if one.deployment is not None
            )
        finally:
            it.__exit__()


class RealOrders(RealHistory, AnyOrders):
    """The same with holds, hotfixes, rollbacks and incidents, and with services that retry, roll back or ignore."""

    order = promote_as_promised = None

    @initialize(known=DARING)
    def begin(self, known: Catalog) -> None:
        super().begin(known)


EXPLORED = os.environ.get("DEPLOYDB_EXAMPLES")
EXAMPLES = int(EXPLORED) * 2 // 5 if EXPLORED else 200
"""For both machines together. By `make explore` a share of its number: a store takes longer than memory."""
PARTS = range(4 if EXPLORED else 2)
"""Tests for each machine, beside each other; the histories of each are its own."""


def explore(machine: type[RealHistory], part: int, open_store: Callable[[Catalog], Reality], examples: int) -> None:
    """Search histories on stores of that kind. The same in each run, but by `make explore`."""
    run_state_machine_as_test(
        type(f"{machine.__name__}{part}", (machine,), {"open_store": staticmethod(open_store)}),
        settings=settings(
            max_examples=examples,
            derandomize=EXPLORED is None,
            stateful_step_count=12,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("machine", [RealHistory, RealOrders])
def test_the_unchanged_catalog_reproduces_every_command(
    machine: type[RealHistory], part: int, sqlite_template: Path, tmp_path: Path
) -> None:
    def open_store(known: Catalog) -> Reality:
        return Reality(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}", known)

    explore(machine, part, open_store, EXAMPLES // len(PARTS) // 2)


def test_on_postgresql_as_well(postgresql: PostgreSQL) -> None:
    def open_store(known: Catalog) -> Reality:
        postgresql.drop_database("reality")
        return Reality(postgresql.create_database("reality", template="deploydb_template"), known)

    explore(RealOrders, 0, open_store, EXAMPLES // 20)


def test_a_rollback_leaves_out_what_failed_after_its_success(sqlite_template: Path, tmp_path: Path) -> None:
    """A history that the search has found."""
    stages = (
        Stage(environment="dev", promotions=("soak",)),
        Stage(environment="staging", promotions=("manual",), after=After(environments=("dev",))),
        Stage(environment="prod", after=After(environments=("staging",))),
    )
    known = made(stages, "published", (), (), failure_strategy="rollback")

    def open_store(known: Catalog) -> Reality:
        return Reality(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}", known)

    it = type("Found", (RealOrders,), {"open_store": staticmethod(open_store)})()
    it.begin(known=known)
    it.recorded()
    it.live_on(bad=False, module=MODULES[0])
    it.recorded()
    it.finish_without_being_asked(outcome="failed", place=0, skew=timedelta(0))
    it.recorded()
    it.evaluate(minutes=6000)
    it.recorded()
    it.teardown()
