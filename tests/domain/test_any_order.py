"""Releases and facts in any order: their decisions do not depend on it."""

from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import Decisions, DeploymentRequested, DeploymentTransitioned
from deploydb.domain.evaluation.evaluate import decide
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.evidence import Evidence
from deploydb.domain.wording import text
from tests.domain.any_catalog import CATALOGS, MODULES, PLAIN, VERSIONS, answer_all
from tests.domain.scenario import Scenario

RELEASES = st.lists(
    st.tuples(VERSIONS, st.integers(0, 9), st.sampled_from(MODULES)),
    unique_by=lambda one: (one[0], one[2]),
    max_size=12,
)


@settings(max_examples=60)
@given(PLAIN, RELEASES, st.randoms(use_true_random=False), st.integers(0, 3))
def test_where_everything_is_answered_every_flow_ends_in_success_or_skipped(
    known: Catalog, releases: list[tuple[str, int, str]], chance: Random, pauses: int
) -> None:
    it = Scenario(known)
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
        assert not one.needs_evaluation
        assert one.status in (Status.SUCCESS, Status.SKIPPED, Status.COMPLETED)
        assert one.status_reason
        if one.environment == "prod":
            assert one.status in (Status.SUCCESS, Status.SKIPPED)


def texts(made: Decisions) -> list[str]:
    """Decisions by what they say, without the numbers that rows got."""
    return sorted(
        f"{one.deployment.environment} {one.deployment.release.artifact} {text(one.reason)}"
        for one in made.decisions
        if isinstance(one, DeploymentRequested | DeploymentTransitioned)
    )


@given(PLAIN, RELEASES, st.randoms(use_true_random=False))
def test_the_same_facts_in_any_order_give_the_same_decisions(
    known: Catalog, releases: list[tuple[str, int, str]], chance: Random
) -> None:
    def play(ordered: list[tuple[str, int, str]]) -> list[str]:
        it = Scenario(known)
        for version, published, module in ordered:
            it.publish(version, published=published, module=module)
        for version, published, module in ordered:
            if published % 3 == 0:
                it.finish("dev", version, when=it.now - timedelta(minutes=published), module=module)
                it.verify("dev", version, module=module)
        return [line.partition(" (deployment")[0] for line in texts(it.evaluate())]

    shuffled = list(releases)
    chance.shuffle(shuffled)
    assert play(releases) == play(shuffled)


@given(CATALOGS, RELEASES, st.randoms(use_true_random=False))
def test_the_order_in_which_a_snapshot_is_built_does_not_matter(
    known: Catalog, releases: list[tuple[str, int, str]], chance: Random
) -> None:
    it = Scenario(known)
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
            ident: Evidence(verifications=statement.verifications[::-1], approvals=statement.approvals[::-1])
            for ident, statement in reversed(situation.evidence.items())
        },
    )
    assert decide(known, turned, it.now) == decide(known, situation, it.now)
