"""What must hold whatever happens, in whatever order: histories made up by hypothesis, played in a world in memory."""

import os
from datetime import timedelta
from itertools import product
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.overrides import unlifted
from tests.domain.any_catalog import CATALOGS, DARING, MODULES, PLACES, SKEW, VERSIONS, answer, answer_all, latest
from tests.domain.given import NOON
from tests.domain.scenario import Scenario
from tests.domain.what_orders_do import (
    acts_on_its_lane_alone,
    changes,
    comes_back,
    does_what_was_promised,
    goes_on_by_another_name,
    has_bundles,
    has_hotfixes,
    is_answered,
)
from tests.engine.feeding import asks_for_what_is_needed


class AnyHistory(RuleBasedStateMachine):
    """Facts of every kind, in any order, some of them late, repeated or by hand; failures included.

    `Scenario.evaluate` checks at each step that no lane has two active deployments, that nothing is downgraded, that
    the next look is in the future, and that deciding again decides nothing.
    """

    @initialize(known=CATALOGS)
    def begin(self, known: Catalog) -> None:
        self.it = Scenario(known)

    def _some(self, place: int, *, active: bool = False) -> tuple[str, str, str]:
        flows = [one for one in self.it.deployments.values() if one.flow is not None and (one.active or not active)]
        known = flows[place % len(flows)]
        return known.environment, known.release.artifact.version, known.release.artifact.module

    def _has_flows(self) -> bool:
        return any(known.flow is not None for known in self.it.deployments.values())

    def _has_active(self) -> bool:
        return any(known.active and known.flow is not None for known in self.it.deployments.values())

    @rule(version=VERSIONS, module=st.sampled_from(MODULES), published=st.integers(-9, 9), bundled=st.booleans())
    def publish(self, version: str, module: str, published: int, bundled: bool) -> None:
        self.it.publish(version, published=published, module=module, commit=version if bundled else None)

    @precondition(_has_flows)
    @rule(place=PLACES)
    def start(self, place: int) -> None:
        environment, version, module = self._some(place)
        self.it.start(environment, version, module=module)

    @precondition(_has_active)
    @rule(place=PLACES, outcome=st.sampled_from(["succeeded", "succeeded", "failed"]), skew=SKEW)
    def finish(self, place: int, outcome: str, skew: timedelta) -> None:
        environment, version, module = self._some(place, active=True)
        self.it.finish(environment, version, outcome, when=self.it.now + skew, module=module)

    @precondition(_has_flows)
    @rule(place=PLACES, outcome=st.sampled_from(["succeeded", "failed"]), skew=SKEW)
    def finish_without_being_asked(self, place: int, outcome: str, skew: timedelta) -> None:
        environment, version, module = self._some(place)
        self.it.finish(environment, version, outcome, when=self.it.now + skew, module=module)

    @precondition(_has_flows)
    @rule(place=PLACES, outcome=st.sampled_from(["passed", "failed", "errored"]))
    def verify(self, place: int, outcome: str) -> None:
        environment, version, module = self._some(place)
        self.it.verify(environment, version, outcome=outcome, module=module)

    @precondition(_has_flows)
    @rule(place=PLACES, by=st.sampled_from(["alice", "bob"]), yes=st.booleans())
    def speak(self, place: int, by: str, yes: bool) -> None:
        environment, version, module = self._some(place)
        self.it.speak(environment, version, by, given=yes, module=module)

    @rule(environment=st.sampled_from(["dev", "prod", "elsewhere"]), version=VERSIONS, skew=SKEW)
    def observe(self, environment: str, version: str, skew: timedelta) -> None:
        self.it.observe(environment, version, when=self.it.now + skew)

    @rule(rounds=st.integers(1, 4), bad=st.booleans(), module=st.sampled_from([None, *MODULES]))
    def go_on(self, rounds: int, bad: bool, module: str | None) -> None:
        """All is answered with yes for some time; then something newer comes, and perhaps every attempt fails."""
        for _ in range(rounds):
            self.it.evaluate(31)
            for known in list(self.it.deployments.values()):
                if known.needs_evaluation and known.kind != "external":
                    answer(self.it, known)
        if module is not None:
            age = (self.it.now - NOON) / timedelta(minutes=1)
            self.it.publish(f"3.{len(self.it.deployments)}", published=age, module=module)
        self.it.evaluate(31)
        for known in [one for one in self.it.deployments.values() if one.active and bad]:
            answer(self.it, known, "failed")
        self.it.evaluate(1)

    @precondition(_has_flows)
    @rule(place=PLACES)
    def ask_what_unblocks_it(self, place: int) -> None:
        """There is a true answer for everything that is open."""
        self.it.evaluate(0)
        known = self.it.find(*self._some(place))
        if known.needs_evaluation:
            asks_for_what_is_needed(self.it, known)

    @rule(kind=st.sampled_from(["inserted", "appended", "cut", "branches", "module", "service"]))
    def reload(self, kind: str) -> None:
        # the rest of a bundle goes on alone, and a hotfix ahead: what they overtake is superseded
        if not {"module": has_bundles, "inserted": has_hotfixes}.get(kind, lambda _: False)(self.it):
            comes_back(self.it, changes(self.it.catalog, kind))

    @rule(environment=st.sampled_from(["dev", "east", "staging", "prod", "elsewhere"]))
    def rename(self, environment: str) -> None:
        goes_on_by_another_name(self.it, environment)

    @precondition(lambda self: bool(self.it.heard))
    @rule(place=PLACES)
    def hear_again(self, place: int) -> None:
        self.it.hear_again(place)

    @rule(minutes=st.sampled_from([1, 30, 300]))
    def step_back(self, minutes: int) -> None:
        """The clock is set back. Nothing but rows is remembered, so that a restart changes nothing else."""
        self.it.now -= timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from([0, 1, 59, 61, 121, 6000]))
    def evaluate(self, minutes: int) -> None:
        self.it.evaluate(minutes)

    def teardown(self) -> None:
        """Once the clock is right again, the next release gets through, and with it everything before it is over."""
        if not hasattr(self, "it"):
            return
        it = self.it
        it.now = latest(it) + timedelta(minutes=10)
        for known in list(it.deployments.values()):
            if known.flow is not None:
                version, module = known.release.artifact.version, known.release.artifact.module
                it.speak(known.environment, version, "bob", module=module)
        last = {"prod": "9.0"} | ({"prod-1": "1.9"} if "prod-1" in it.catalog.environments else {})
        for module in MODULES:
            for version in last.values():
                it.publish(version, published=(it.now - NOON) / timedelta(minutes=1) + 10, module=module)
        answer_all(it)
        for module in MODULES:
            for environment, version in last.items():
                assert it.runs(environment, module) == version
                assert it.find(environment, version, module=module).status is Status.SUCCESS
        for known in it.deployments.values():
            assert not known.needs_evaluation, f"{known} is open for ever"
            assert known.status_reason or known.kind == "external"


class AnyOrders(AnyHistory):
    """The same with people who place and lift holds, declare hotfixes, promote to one lane and want rollbacks, with
    incidents, and with services that retry, roll back or ignore.

    `Scenario` checks besides that no standing hold is passed, a freeze by an audited override alone, and that no
    rollback is rolled back.
    """

    @initialize(known=DARING)
    def begin(self, known: Catalog) -> None:
        self.it = Scenario(known)

    @rule(
        kind=st.sampled_from(["pin", "veto", "freeze", "pause"]),
        lift=st.booleans(),
        environment=st.sampled_from(["dev", "east", "staging", "prod", None]),
        version=VERSIONS,
        minutes=st.sampled_from([None, 30, 600]),
        later=st.sampled_from([None, 5, 20]),
        id_=st.sampled_from([None, "1", "2"]),
    )
    def hold(
        self,
        kind: str,
        lift: bool,
        environment: str | None,
        version: str,
        minutes: int | None,
        later: int | None,
        id_: str | None,
    ) -> None:
        scope: dict[str, Any] = {"environment": environment, "hold": id_}
        if kind == "pin":
            scope |= {"environment": environment or "prod", "version": version}
        elif kind == "veto":
            scope["version"] = version
        if minutes is not None and not lift:
            scope["until"] = self.it.now + timedelta(minutes=minutes)
        if later is not None and not lift:
            scope["begins"] = self.it.now + timedelta(minutes=later)
        self.it.hold(kind, lift=lift, **scope)

    @precondition(AnyHistory._has_flows)
    @rule(place=PLACES, by=st.sampled_from(["alice", "mallory"]), comment=st.sampled_from(["it burns", None]))
    def override(self, place: int, by: str, comment: str | None) -> None:
        environment, version, _ = self._some(place)
        self.it.override(environment, version, by, comment)

    @rule(version=VERSIONS, skip=st.lists(st.sampled_from(["dev", "staging", "east", "west"]), max_size=2, unique=True))
    def hotfix(self, version: str, skip: list[str]) -> None:
        self.it.hotfix(version, *skip)

    @rule(
        environment=st.sampled_from(["east", "staging", "prod"]),
        version=VERSIONS,
        skip=st.lists(st.sampled_from(["dev", "staging", "east", "west"]), max_size=3, unique=True),
    )
    def promote(self, environment: str, version: str, skip: list[str]) -> None:
        self.it.promote(environment, version, *skip)

    @rule(environment=st.sampled_from(["dev", "staging", "prod"]), version=st.none() | VERSIONS)
    def want_back(self, environment: str, version: str | None) -> None:
        self.it.want_back(environment, version)

    @rule(
        environment=st.sampled_from(["dev", "staging", "prod"]),
        version=VERSIONS,
        module=st.sampled_from([None, *MODULES]),
        skip=st.sampled_from([(), ("smoke",)]),
    )
    def retry(self, environment: str, version: str, module: str | None, skip: tuple[str, ...]) -> None:
        self.it.retry(environment, version, *skip, module=module)

    @rule(
        environment=st.sampled_from(["dev", "east", "staging", "prod"]),
        version=VERSIONS,
        kind=st.sampled_from(["promote", "retry", "want_back"]),
    )
    def order(self, environment: str, version: str, kind: str) -> None:
        def give(it: Scenario) -> None:
            getattr(it, kind)(environment, version)

        acts_on_its_lane_alone(self.it, environment, give)
        if kind != "promote":
            is_answered(self.it, give)

    @precondition(AnyHistory._has_flows)
    @rule(place=PLACES)
    def promote_as_promised(self, place: int) -> None:
        does_what_was_promised(self.it, *self._some(place))

    @rule(
        environment=st.sampled_from(["dev", "prod"]),
        name=st.sampled_from(["1", "2"]),
        over=st.booleans(),
        version=st.none() | VERSIONS,
    )
    def incident(self, environment: str, name: str, over: bool, version: str | None) -> None:
        self.it.incident(environment, name, over=over, version=version)

    def teardown(self) -> None:
        """Once people let go, the next release gets through, and with it everything before it is over."""
        if not hasattr(self, "it"):
            return
        it = self.it
        it.now = latest(it) + timedelta(minutes=10)
        for hold in unlifted(it.holds.values()):
            it.hold(hold.kind, lift=True, hold=hold.hold, environment=hold.environment, version=hold.version)
        for environment, name in product(("dev", "prod"), ("1", "2")):
            it.incident(environment, name, over=True)
        super().teardown()


class AnyHistoryAgain(AnyHistory):
    """More of the same, beside it."""


class AnyOrdersAgain(AnyOrders):
    """More of the same, beside it."""


# for all machines together, the same in each run: `make explore` sets more, and others each time
EXPLORED = os.environ.get("DEPLOYDB_EXAMPLES")
MACHINES = (AnyHistory, AnyHistoryAgain, AnyOrders, AnyOrdersAgain)
for machine in MACHINES:
    machine.TestCase.settings = settings(
        max_examples=int(EXPLORED or 1000) // len(MACHINES) + 1,
        derandomize=EXPLORED is None,
        stateful_step_count=30,
        suppress_health_check=list(HealthCheck),
    )


TestAnyHistory = AnyHistory.TestCase
TestAnyHistoryAgain = AnyHistoryAgain.TestCase
TestAnyOrders = AnyOrders.TestCase
TestAnyOrdersAgain = AnyOrdersAgain.TestCase
