"""What must hold whatever happens, in whatever order: histories made up by hypothesis, played in a world in memory."""

from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace

from deploydb.domain.catalog import After, Catalog, Service, Stage
from deploydb.domain.decide import decide
from deploydb.domain.decisions import Decisions, Requested, Settled
from deploydb.domain.evidence import Evidence
from deploydb.domain.promotions import VerificationPromotion
from deploydb.domain.state import Status
from tests.domain.given import BAR, FOO, MANUAL, NOON, SOAK, World, catalog, chain

MODULES = (FOO, BAR)
SMOKE = VerificationPromotion(ident="smoke", timeout=timedelta(hours=3))
FIRST = After(environments=("dev",))
DIAMOND = (
    Stage(environment="dev", while_verifying="wait"),
    Stage(environment="east", after=FIRST, promotions=("soak",)),
    Stage(environment="west", after=FIRST, while_verifying="replace", promotions=("manual",)),
    Stage(environment="prod", after=After(environments=("east", "west"))),
)
EITHER = (*DIAMOND[:3], replace(DIAMOND[3], after=replace(DIAMOND[3].after, need="any")))
LINE = chain("dev", "staging", "prod", dev=("soak",), staging=("manual",))
FAST = chain("dev", "staging", "prod")

CATALOGS = st.builds(
    lambda stages, order, promotions, entry: catalog(
        *stages,
        services=[
            Service(ident="foo", artifacts=MODULES, pipelines=("main",), promotions=promotions, order=order),
        ],
        entry={"prod": entry},
        promotions=(SMOKE, SOAK, MANUAL),
    ),
    st.sampled_from([DIAMOND, EITHER, LINE, FAST]),
    st.sampled_from(["published", "version"]),
    st.sampled_from([(), ("smoke",)]),
    st.sampled_from([(), ("manual",), ("soak",)]),
)
VERSIONS = st.sampled_from([f"{major}.{minor}" for major in (1, 2) for minor in range(4)])
PLACES = st.integers(0, 99)
SKEW = st.integers(-20, 4).map(lambda minutes: timedelta(minutes=minutes))


def answer_all(it: World) -> None:
    """Say yes to whatever is asked until nothing is asked any more, letting time pass in between."""
    for _ in range(100):
        before = dict(it.deployments)
        it.evaluate(1)
        for known in list(it.deployments.values()):
            if known.open and known.flow is not None:
                environment, version = known.environment, known.release.artifact.version
                if known.active:
                    it.finish(environment, version, module=known.release.artifact.module)
                it.verify(environment, version, module=known.release.artifact.module)
                it.speak(environment, version, "alice", module=known.release.artifact.module)
        it.evaluate(1)
        if not any(known.active for known in it.deployments.values()):
            it.evaluate(121)
        if it.deployments == before:
            return
    raise AssertionError("it never comes to rest")


class AnyHistory(RuleBasedStateMachine):
    """Facts of every kind, in any order, some of them late, repeated or by hand; failures included.

    `World.evaluate` checks at each step that no lane has two active deployments, that nothing is downgraded, that the
    next look is in the future, and that deciding again decides nothing.
    """

    @initialize(known=CATALOGS)
    def begin(self, known: Catalog) -> None:
        self.it = World(known)

    def _some(self, place: int, *, active: bool = False) -> tuple[str, str, str]:
        flows = [one for one in self.it.deployments.values() if one.flow is not None and (one.active or not active)]
        known = flows[place % len(flows)]
        return known.environment, known.release.artifact.version, known.release.artifact.module

    def _has_flows(self) -> bool:
        return any(known.flow is not None for known in self.it.deployments.values())

    def _has_active(self) -> bool:
        return any(known.active for known in self.it.deployments.values())

    @rule(version=VERSIONS, module=st.sampled_from(MODULES), published=st.integers(-9, 9))
    def publish(self, version: str, module: str, published: int) -> None:
        self.it.publish(version, published=published, module=module)

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

    @rule(minutes=st.sampled_from([0, 1, 59, 61, 121, 6000]))
    def evaluate(self, minutes: int) -> None:
        self.it.evaluate(minutes)

    def teardown(self) -> None:
        """Whatever happened, the next release gets through, and with it everything before it is over."""
        if not hasattr(self, "it"):
            return
        it = self.it
        for known in list(it.deployments.values()):
            if known.flow is not None:
                version, module = known.release.artifact.version, known.release.artifact.module
                it.speak(known.environment, version, "bob", module=module)
        for module in MODULES:
            it.publish("9.0", published=(it.now - NOON) / timedelta(minutes=1) + 10, module=module)
        answer_all(it)
        for module in MODULES:
            assert it.runs("prod", module) == "9.0"
            assert it.find("prod", "9.0", module=module).status is Status.SUCCESS
        for known in it.deployments.values():
            assert not known.open, f"{known} is open for ever"
            assert known.reason or known.kind == "external"


AnyHistory.TestCase.settings = settings(
    max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAnyHistory = AnyHistory.TestCase


RELEASES = st.lists(
    st.tuples(VERSIONS, st.integers(0, 9), st.sampled_from(MODULES)),
    unique_by=lambda one: (one[0], one[2]),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(CATALOGS, RELEASES, st.randoms(use_true_random=False), st.integers(0, 3))
def test_where_everything_is_answered_every_flow_ends_in_success_or_skipped(
    known: Catalog, releases: list[tuple[str, int, str]], chance: Random, pauses: int
) -> None:
    it = World(known)
    chance.shuffle(releases)
    for version, published, module in releases:
        it.publish(version, published=published, module=module)
        for _ in range(chance.randint(0, pauses)):
            it.evaluate(1)
            for one in list(it.deployments.values()):
                if one.active and chance.random() < 0.7:
                    it.finish(one.environment, one.release.artifact.version, module=one.release.artifact.module)
    answer_all(it)
    order = known.services["foo"].order
    for module in {module for _, _, module in releases}:
        flows = [one for one in it.deployments.values() if one.release.artifact.module == module]
        newest = max(flows, key=lambda one: one.release.order_key(order)).release.artifact.version
        assert it.runs("prod", module) == newest
    for one in it.deployments.values():
        assert not one.open
        assert one.status in (Status.SUCCESS, Status.SKIPPED, Status.COMPLETED)
        assert one.reason
        if one.environment == "prod":
            assert one.status in (Status.SUCCESS, Status.SKIPPED)


def told(made: Decisions) -> list[str]:
    """Decisions by what they say, without the numbers that rows got."""
    return sorted(
        f"{one.deployment.environment} {one.deployment.release.artifact} {one.reason}"
        for one in made.decisions
        if isinstance(one, Requested | Settled)
    )


@settings(deadline=None)
@given(CATALOGS, RELEASES, st.randoms(use_true_random=False))
def test_the_same_facts_in_any_order_give_the_same_decisions(
    known: Catalog, releases: list[tuple[str, int, str]], chance: Random
) -> None:
    def play(ordered: list[tuple[str, int, str]]) -> list[str]:
        it = World(known)
        for version, published, module in ordered:
            it.publish(version, published=published, module=module)
        for version, published, module in ordered:
            if published % 3 == 0:
                it.finish("dev", version, when=it.now - timedelta(minutes=published), module=module)
                it.verify("dev", version, module=module)
        return [line.partition(" (deployment")[0] for line in told(it.evaluate())]

    shuffled = list(releases)
    chance.shuffle(shuffled)
    assert play(releases) == play(shuffled)


@settings(deadline=None)
@given(CATALOGS, RELEASES, st.randoms(use_true_random=False))
def test_the_order_in_which_a_situation_is_told_does_not_matter(
    known: Catalog, releases: list[tuple[str, int, str]], chance: Random
) -> None:
    it = World(known)
    for version, published, module in releases:
        it.publish(version, published=published, module=module)
        it.evaluate(1)
        for one in list(it.deployments.values()):
            for person in ("alice", "bob"):
                it.speak(one.environment, one.release.artifact.version, person, module=one.release.artifact.module)
            if one.active:
                it.finish(one.environment, one.release.artifact.version, module=one.release.artifact.module)
                it.verify(one.environment, one.release.artifact.version, module=one.release.artifact.module)
    situation = it.situation()
    deployments = list(situation.deployments)
    chance.shuffle(deployments)
    turned = replace(
        situation,
        deployments=tuple(deployments),
        running=dict(reversed(situation.running.items())),
        evidence={
            ident: Evidence(verifications=said.verifications[::-1], approvals=said.approvals[::-1])
            for ident, said in reversed(situation.evidence.items())
        },
    )
    assert decide(known, turned, it.now) == decide(known, situation, it.now)
