"""Which names a configuration changes, and the engine by the names of now."""

import pytest
from msgspec.structs import replace

from deploydb.domain.gates.depends import DependsOnPromotion
from deploydb.domain.model.catalog import Catalog, Parallel
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.environment_names import EnvironmentNames, Renaming, renaming, under, with_names
from tests.domain.given import catalog, chain, foo
from tests.domain.scenario import Scenario, world


def called(*environments: str, **earlier: tuple[str, ...]) -> Catalog:
    """A catalog of these environments; `earlier` names by environment."""
    known = catalog(*chain(*environments))
    for name, names in earlier.items():
        known.environments[name] = replace(known.environments[name], renamed_from=names)
    return known


def follow(*catalogs: Catalog, used: tuple[str, ...] = ()) -> list[Renaming]:
    """What each of some catalogs renames, one after the other. `used`: what was deployed to at the beginning."""
    names, before, found = EnvironmentNames(), None, []
    stored = set(used)
    for known in catalogs:
        plan = renaming(names, known, before, stored.__contains__)
        stored = {plan.renamed.now(name) for name in stored | (before or set())}
        names, before = plan.names, set(known.environments)
        found.append(plan)
    return found


def moves(plan: Renaming) -> list[tuple[str, str]]:
    return [(one.old, one.new) for one in plan.moves]


def test_a_name_that_is_given_up_means_the_environment_that_was_called_so() -> None:
    first, second, third = follow(
        called("dev", "prod"), called("dev", "production", production=("prod",)), called("dev", "production")
    )
    assert not first.is_any
    assert moves(second) == [("production", "production~1"), ("prod", "production")]
    assert (second.carried, second.names.now("prod")) == ({"production": "prod"}, "production")
    assert not third.is_any, "the key may go once it is in force"
    assert third.names.now("prod") == "production"


@pytest.mark.parametrize("key", [(), ("production",)], ids=["as it was", "written down"])
def test_a_change_that_is_taken_back_takes_its_names_back(key: tuple[str, ...]) -> None:
    *_, back = follow(
        called("prod"), called("production", production=("prod",)), called("prod", **({"prod": key} if key else {}))
    )
    assert moves(back) == [("prod", "prod~2"), ("production", "prod"), ("production~1", "production")]
    assert back.names.now("production") == "prod", "what was reported since goes on to mean it"


def test_several_earlier_names_are_those_of_one_history_alone() -> None:
    (plan,) = follow(called("live", live=("prd", "prod")), used=("prod",))
    assert plan.carried == {"live": "prod"}
    assert (plan.names.now("prd"), plan.names.now("prod")) == ("live", "live")
    _, plan = follow(called("prd", "prod"), called("live", live=("prd", "prod")))
    assert plan.carried == {"live": "prd"}
    assert plan.refused == {"live": "prod"}
    assert plan.names.now("prod") == "prod", "two histories are never mixed"


def test_the_names_of_a_chain_mean_its_end_and_go_back_to_any_of_it() -> None:
    chained = (
        called("a"),
        called("b", b=("a",)),
        called("c", c=("b", "a")),
    )
    *_, last = follow(*chained)
    assert {name: last.names.now(name) for name in "abc"} == dict.fromkeys("abc", "c")
    *_, back = follow(*chained, called("a"))
    assert back.carried == {"a": "c"}
    assert {name: back.names.now(name) for name in "abc"} == dict.fromkeys("abc", "a")


def test_an_environment_is_never_carried_on_by_another_one_that_exists() -> None:
    _, plan = follow(called("prod", "production"), called("production", production=("prod",)), used=("prod",))
    assert (plan.is_any, plan.refused) == (False, {"production": "prod"})
    (plan,) = follow(called("production", production=("prod",)), used=("prod", "production"))
    assert (plan.is_any, plan.refused) == (False, {"production": "prod"})


def test_a_name_that_another_environment_gets_means_that_one() -> None:
    *_, plan = follow(
        called("prod"), called("production", production=("prod",)), called("production", "prod"), used=("prod",)
    )
    assert (plan.is_any, plan.moves) == (True, ())
    assert plan.names.now("prod") == "prod"
    *_, plan = follow(
        called("staging", "prod"),
        called("staging", "production", production=("prod",)),
        called("prod", prod=("staging",)),
    )
    assert plan.carried == {"prod": "staging"}, "the file says what it was called"
    assert plan.names.now("prod") == "prod"


def test_a_catalog_has_the_names_of_now_wherever_it_names_an_environment() -> None:
    depends = DependsOnPromotion(ident="bar", service="bar", environment="prod")
    known = catalog(
        *chain("dev", "prod", "asia"), promotions=[depends], parallel=(Parallel(environments=("prod", "asia"), most=1),)
    )
    names = EnvironmentNames(current={"prod": "production", "production": "production"}, number=1)
    found = under(known, names)
    assert found.environments_of("foo") == ("dev", "production", "asia")
    assert [one.ident for one in found.environments.values()] == ["dev", "production", "asia"]
    assert found.pipelines["main"].stages[2].after.environments == ("production",)
    assert found.pipelines["main"].parallel[0].environments == ("production", "asia")
    assert found.promotions["bar"].dependencies[0].environment == "production"
    assert found.digest == known.digest
    assert under(known, EnvironmentNames()) is known
    assert under(found, names) is found
    both = catalog(*chain("prod", "production"))
    assert under(both, names) is both, "it has both"


def test_what_happens_goes_on_in_memory_under_the_new_name() -> None:
    it = world(services=[foo(failure_strategy="rollback")], entry={"prod": ("manual",)})
    for version in ("1.0", "1.1"):
        it.publish(version)
        it.evaluate(1)
        for environment in ("dev", "staging", "prod"):
            if environment == "prod":
                it.speak(environment, version, "alice")
                it.evaluate()
            it.deploy(environment, version)
    it.hold("freeze", environment="prod")
    it.promote("prod", "1.1", "prod")
    it.hotfix("1.1", "prod")
    rename(it, {"prod": "production"})
    assert (it.runs("production"), it.runs("prod")) == ("1.1", None)
    it.evaluate()
    assert len(it.commands) == 6, "nothing is deployed again"
    it.hold("freeze", environment="production", lift=True)
    it.want_back("production")
    it.evaluate(1)
    assert (it.commands[-1].kind, it.commands[-1].deployment.environment) == ("rollback", "production")
    assert it.commands[-1].deployment.release.artifact.version == "1.0"
    assert it.status("production", "1.1") is Status.SUCCESS


def rename(it: Scenario, names: dict[str, str]) -> None:
    """Environments have other names, in the ledger and in the catalog."""
    it.rename(names)
    it.evaluate()


def test_other_names_are_those_of_the_same_catalog() -> None:
    known = called("dev", "prod")
    assert with_names(known, {}) is known
    assert with_names(with_names(known, {"prod": "live"}), {"live": "prod"}).environments == known.environments
