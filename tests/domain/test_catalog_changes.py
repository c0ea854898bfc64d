"""A change of the configuration loses no release, and taking it back restores what was."""

import pytest

from deploydb.domain.model.admission_reasons import ModuleRemoved, StageRemoved
from deploydb.domain.model.catalog import Catalog, Stage
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.reasons import AwaitingStages
from deploydb.engine.unblock import unblock
from tests.domain.given import BAR, FOO, THREE, catalog, chain, foo
from tests.domain.scenario import Scenario, world

BOTH = foo(artifacts=(FOO, BAR))
CANARY = chain("dev", "canary", "staging", "prod")


def test_a_stage_that_is_inserted_gets_a_deployment_and_the_release_goes_on() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.catalog = catalog(*CANARY)
    it.evaluate()
    assert it.reason("staging", "1.0") == AwaitingStages(environments=("canary",), all=True)
    for stage in CANARY:
        it.deploy(stage.environment, "1.0")
    assert it.runs("prod") == "1.0"


def test_a_stage_that_is_appended_gets_what_runs_before_it_although_that_is_over() -> None:
    it = world(*chain("dev", "prod"))
    for version in ("1.0", "1.1"):
        it.publish(version)
        it.evaluate()
        it.deploy("dev", version)
        it.deploy("prod", version)
    assert not any(known.needs_evaluation for known in it.deployments.values())
    it.catalog = catalog(*chain("dev", "prod", "asia"))
    it.evaluate()
    it.deploy("asia", "1.1")
    assert it.runs("asia") == "1.1"
    assert [known.release.artifact.version for known in it.deployments.values() if known.environment == "asia"] == [
        "1.1"
    ]


def test_a_stage_that_is_gone_keeps_its_release_waiting_and_the_next_one_is_entered() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.catalog = catalog(*chain("dev", "prod"))
    it.deploy("dev", "1.0")
    assert (it.status("staging", "1.0"), it.reason("staging", "1.0")) == (
        Status.NOT_STARTED,
        StageRemoved(environment="staging", service="foo"),
    )
    found = unblock(it.catalog, it.outlook(), it.find("staging", "1.0").id, it.now)
    assert found is not None
    assert found.instead == "add staging to a pipeline of foo: staging is not a stage of foo"
    it.deploy("prod", "1.0")
    it.catalog = catalog(*THREE)
    it.evaluate()
    it.deploy("staging", "1.0")
    assert it.runs("staging") == "1.0"


def test_what_is_verified_in_a_stage_that_is_gone_is_verified_when_it_is_back() -> None:
    before = catalog(*THREE, services=[foo(promotions=("smoke",))])
    it = Scenario(before)
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.catalog = catalog(
        *chain("staging", "prod"), services=[foo(promotions=("smoke",))], entry={"staging": ("smoke",)}
    )
    it.evaluate()
    assert it.status("dev", "1.0") is Status.COMPLETED
    assert it.reason("dev", "1.0") == StageRemoved(environment="dev", service="foo")
    it.catalog = before
    it.verify("dev", "1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.SUCCESS
    assert it.status("staging", "1.0") is Status.CREATED


def test_a_module_that_the_service_lists_no_more_waits_and_goes_on_when_it_is_back() -> None:
    it = world(services=[BOTH])
    it.publish("7", module=BAR)
    it.evaluate()
    it.catalog = catalog(*THREE)
    it.deploy("dev", "7")
    assert it.runs("dev", BAR) == "7"
    assert it.status("staging", "7") is Status.NOT_STARTED
    assert it.reason("staging", "7") == ModuleRemoved(module="com.example:bar", service="foo")
    it.catalog = catalog(*THREE, services=[BOTH])
    it.evaluate()
    assert it.status("staging", "7") is Status.CREATED


def test_a_rollback_of_a_module_that_is_gone_stands_in_no_way() -> None:
    it = world(*chain("dev"), services=[BOTH])
    for version in ("1", "2"):
        it.publish(version, module=BAR)
        it.evaluate()
        it.deploy("dev", version)
    it.hold("freeze", environment="dev")
    it.want_back("dev")
    it.evaluate()
    it.catalog = catalog(*chain("dev"))
    it.hold("freeze", environment="dev", lift=True)
    it.publish("1.0")
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.CREATED


def _catalogs(*stages: Stage) -> Catalog:
    return catalog(*stages, entry={"prod": ("manual",)})


@pytest.mark.parametrize(
    "between",
    [
        _catalogs(*chain("dev", "staging", "canary", "prod")),
        _catalogs(*chain("dev", "staging", "prod", "asia")),
        _catalogs(*chain("dev", "prod")),
        _catalogs(*chain("dev", "staging")),
        _catalogs(*chain("dev", "staging", "production")),
        _catalogs(*chain("prod", "staging", "dev")),
        _catalogs(*chain("elsewhere")),
        catalog(*THREE, services=[foo(artifacts=(BAR,))]),
        catalog(*THREE, services=[foo(ident="other")]),
    ],
    ids=["inserted", "appended", "removed", "last", "renamed", "turned", "others", "module", "service"],
)
def test_a_change_that_is_taken_back_leaves_what_no_change_would_have_left(between: Catalog) -> None:
    """While nothing is commanded meanwhile: the lanes are busy, frozen, or ask for an approval."""
    ends = []
    for change in (None, between):
        it = Scenario(_catalogs(*THREE))
        for version in ("1.0", "1.1", "1.2"):
            it.publish(version)
            it.evaluate(1)
            for environment in ("dev", "staging") if version < "1.2" else ():
                it.deploy(environment, version)
        it.hold("freeze")
        it.evaluate(1)
        if change is not None:
            it.catalog = change
        it.evaluate(1)
        it.catalog = _catalogs(*THREE)
        it.evaluate(1)
        it.hold("freeze", lift=True)
        it.deploy("dev", "1.2")
        it.deploy("staging", "1.2")
        it.speak("prod", "1.2", "alice")
        it.evaluate()
        it.deploy("prod", "1.2")
        names = {stage.environment for stage in THREE}
        ends.append(
            {
                (known.environment, known.release.artifact.version): known.status
                for known in it.deployments.values()
                if known.environment in names
            }
        )
    assert ends[0] == ends[1]
    assert ends[0]["prod", "1.2"] is Status.SUCCESS


def test_a_release_has_completed_its_pipeline_whatever_stage_was_there_for_a_while() -> None:
    fast = foo(failure_strategy="full_rollback")
    it = world(*chain("dev", "prod"), services=[fast])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.deploy("prod", "1.0")
    it.hold("freeze", environment="canary")
    it.catalog = catalog(*chain("dev", "canary", "prod"), services=[fast])
    it.evaluate()
    it.catalog = catalog(*chain("dev", "prod"), services=[fast])
    it.publish("1.1")
    it.evaluate()
    it.deploy("dev", "1.1")
    it.deploy("prod", "1.1", "failed")
    assert it.commands[-1].kind == "rollback"
    assert it.commands[-1].deployment.release.artifact.version == "1.0"
