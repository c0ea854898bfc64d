"""Pipelines that take some versions alone: backports on a lane of their own."""

import pytest
from msgspec.structs import replace

from deploydb.domain.model.admission_reasons import BranchElsewhere, NewerIsLive, NoPipeline
from deploydb.domain.model.catalog import After, Catalog, Environment, Pipeline, Service, Stage
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.reasons import AwaitingStages, Several, SkippedUpstream
from deploydb.domain.outlook import Outlook, outlook
from deploydb.domain.wording import text
from deploydb.engine.in_flight import effects
from deploydb.engine.unblock import unblock
from tests.domain.given import BAR, FOO, MANUAL, SMOKE, SOAK, catalog, chain, foo
from tests.domain.scenario import Scenario

MAIN, BACKPORTS = chain("dev", "staging", "prod"), chain("dev-19", "prod-19")


def lanes(
    main: tuple[str, ...] = ("!1.9.*",),
    backports: tuple[str, ...] | None = ("1.9.*",),
    *,
    service: Service | None = None,
) -> Catalog:
    """Foo on `main`, and on `maintenance` where `backports` names its branches."""
    pipelines = [Pipeline(ident="main", stages=MAIN, branches=main)]
    if backports is not None:
        pipelines.append(Pipeline(ident="maintenance", stages=BACKPORTS, branches=backports))
    known = replace(service or foo(), pipelines=tuple(one.ident for one in pipelines))
    return Catalog(
        services={known.ident: known},
        environments={stage.environment: Environment(ident=stage.environment) for stage in (*MAIN, *BACKPORTS)},
        pipelines={one.ident: one for one in pipelines},
        promotions={one.ident: one for one in (SMOKE, SOAK, MANUAL)},
    )


def places(it: Scenario, version: str) -> dict[str, Status]:
    return {one.environment: one.status for one in it.deployments.values() if one.release.artifact.version == version}


def through(it: Scenario, version: str, *environments: str) -> None:
    it.publish(version, published=len(it.releases))
    it.evaluate()
    for environment in environments:
        it.deploy(environment, version)


def test_each_release_goes_through_the_pipelines_that_take_it() -> None:
    it = Scenario(lanes())
    through(it, "1.10.7", "dev", "staging", "prod")
    through(it, "1.9.9", "dev-19", "prod-19")
    assert places(it, "1.10.7").keys() == {"dev", "staging", "prod"}
    assert places(it, "1.9.9").keys() == {"dev-19", "prod-19"}
    assert (it.runs("prod"), it.runs("prod-19")) == ("1.10.7", "1.9.9")
    through(it, "1.10.8", "dev")
    assert it.runs("dev-19") == "1.9.9"


def test_pipelines_that_both_take_a_version_are_both_gone_through() -> None:
    it = Scenario(lanes(main=()))
    through(it, "1.9.9", "dev", "dev-19")
    assert places(it, "1.9.9").keys() == {"dev", "staging", "prod", "dev-19", "prod-19"}


def test_a_release_that_no_pipeline_takes_has_no_deployment_until_one_does() -> None:
    it = Scenario(lanes(main=("1.10.*",)))
    it.publish("1.8.3")
    it.evaluate()
    assert places(it, "1.8.3") == {}
    branches = it.catalog.branches("foo")
    assert branches is not None
    nowhere = branches.nowhere("foo", "1.8.3")
    assert isinstance(nowhere, NoPipeline)
    assert text(nowhere) == "no pipeline of foo takes 1.8.3: main takes 1.10.*; maintenance takes 1.9.*"
    it.catalog = lanes(main=("1.10.*", "1.8.*"))
    it.evaluate()
    assert places(it, "1.8.3") == {"dev": Status.CREATED, "staging": Status.NOT_STARTED, "prod": Status.NOT_STARTED}


@pytest.mark.parametrize("back", [lanes(main=()), lanes(main=(), backports=None)], ids=["widened", "removed"])
def test_what_was_published_while_no_pipeline_took_it_is_not_lost(back: Catalog) -> None:
    it = Scenario(lanes(main=("1.10.*",), backports=None))
    for version in ("1.8.1", "1.8.2", "1.8.3"):
        it.publish(version)
        it.evaluate(1)
    it.catalog = back
    it.evaluate()
    assert [it.status("dev", version) for version in ("1.8.1", "1.8.2", "1.8.3")] == ["SKIPPED", "SKIPPED", "CREATED"]


def test_a_pipeline_that_takes_a_version_no_more_keeps_it_waiting_and_verifies_what_runs() -> None:
    smoke = foo(promotions=("smoke",))
    it = Scenario(lanes(main=(), backports=None, service=smoke))
    through(it, "1.9.9", "dev")
    it.catalog = lanes(service=smoke)
    it.verify("dev", "1.9.9")
    it.evaluate()
    elsewhere = BranchElsewhere(pipeline="main", branches=("!1.9.*",), version="1.9.9")
    assert it.status("dev", "1.9.9") is Status.SUCCESS
    assert (it.status("staging", "1.9.9"), it.reason("staging", "1.9.9")) == (Status.NOT_STARTED, elsewhere)
    assert text(elsewhere) == "main takes all but 1.9.*, not 1.9.9"
    assert it.status("dev-19", "1.9.9") is Status.CREATED
    waits = it.find("staging", "1.9.9")
    assert outlook("staging", waits.status, elsewhere) == Outlook(prospect="will not come", reason=elsewhere)
    found = unblock(it.catalog, it.outlook(), waits.id, it.now)
    assert found is not None
    assert found.instead == (
        "promote it (`deploydb promote foo staging 1.9.9 --reason WHY`), or add 1.9.9 to `branches` of main: "
        "main takes all but 1.9.*, not 1.9.9"
    )
    it.catalog = lanes(main=(), service=smoke)
    it.evaluate()
    assert it.status("staging", "1.9.9") is Status.CREATED


def test_what_waits_for_its_branch_is_over_once_something_newer_runs_there() -> None:
    it = Scenario(lanes(main=(), backports=None))
    it.hold("freeze", environment="dev")
    through(it, "1.9.9")
    it.catalog = lanes()
    it.hold("freeze", environment="dev", lift=True)
    through(it, "1.10.7", "dev")
    newer = NewerIsLive(environment="dev", version="1.10.7", higher=True)
    assert (it.status("dev", "1.9.9"), it.reason("dev", "1.9.9")) == (Status.SKIPPED, newer)
    assert it.reason("prod", "1.9.9") == SkippedUpstream(environment="dev", reason=newer)
    it.deploy("dev-19", "1.9.9")
    it.deploy("prod-19", "1.9.9")
    assert {one.release.artifact.version for one in it.deployments.values() if one.needs_evaluation} == {"1.10.7"}


def test_a_person_promotes_a_version_to_a_lane_of_another_branch_and_to_that_one_alone() -> None:
    it = Scenario(lanes())
    through(it, "1.9.9", "dev-19", "prod-19")
    it.promote("prod", "1.9.9", "dev", "staging")
    it.evaluate()
    assert places(it, "1.9.9") == {"dev-19": Status.SUCCESS, "prod-19": Status.SUCCESS, "prod": Status.CREATED}
    it.deploy("prod", "1.9.9")
    assert it.runs("prod") == "1.9.9"


def test_a_person_promotes_a_version_that_no_pipeline_takes() -> None:
    it = Scenario(lanes())
    it.catalog = lanes(main=("1.10.*",))
    through(it, "1.8.3")
    it.promote("dev", "1.8.3")
    it.evaluate()
    assert places(it, "1.8.3") == {"dev": Status.CREATED}


def test_a_promotion_that_passes_no_stage_by_says_that_the_version_never_comes_through_it() -> None:
    it = Scenario(lanes())
    through(it, "1.9.9")
    it.promote("staging", "1.9.9")
    it.evaluate()
    assert it.reason("staging", "1.9.9") == Several(
        reasons=(
            AwaitingStages(environments=("dev",), all=True),
            BranchElsewhere(pipeline="main", branches=("!1.9.*",), version="1.9.9"),
        )
    )


def test_an_older_version_is_no_update_although_a_person_promotes_it() -> None:
    it = Scenario(lanes())
    through(it, "1.10.7", "dev", "staging", "prod")
    through(it, "1.9.9")
    it.promote("prod", "1.9.9", "dev", "staging")
    it.evaluate()
    assert it.reason("prod", "1.9.9") == NewerIsLive(environment="prod", version="1.10.7", higher=True)


def test_a_hotfix_goes_ahead_in_the_pipelines_that_take_it_alone() -> None:
    it = Scenario(lanes())
    it.publish("1.9.9")
    it.hotfix("1.9.9", "dev-19", "dev")
    it.evaluate()
    assert places(it, "1.9.9") == {"dev-19": Status.SKIPPED, "prod-19": Status.CREATED}


def test_a_pin_keeps_what_was_on_its_way_there() -> None:
    it = Scenario(lanes(main=(), backports=None))
    it.hold("freeze", environment="dev")
    through(it, "1.9.9")
    it.catalog = lanes()
    it.hold("pin", environment="dev", version="1.9.9")
    it.hold("freeze", environment="dev", lift=True)
    it.evaluate()
    assert it.status("dev", "1.9.9") is Status.CREATED


def test_a_failure_goes_back_to_a_version_of_another_branch() -> None:
    back = foo(failure_strategy="rollback")
    it = Scenario(lanes(main=(), backports=None, service=back))
    through(it, "1.9.9", "dev")
    it.catalog = lanes(service=back)
    through(it, "1.10.0")
    it.deploy("dev", "1.10.0", "failed")
    assert it.commands[-1].kind == "rollback"
    assert it.commands[-1].deployment.release.artifact.version == "1.9.9"


def test_a_person_retries_what_failed_in_a_lane_of_another_branch() -> None:
    it = Scenario(lanes(main=(), backports=None))
    it.publish("1.9.9")
    it.evaluate()
    it.deploy("dev", "1.9.9", "failed")
    it.catalog = lanes()
    it.retry("dev", "1.9.9")
    it.evaluate()
    assert (it.status("dev", "1.9.9"), it.find("dev", "1.9.9").attempt) == (Status.CREATED, 2)


def test_each_module_goes_by_its_own_version_also_of_one_commit() -> None:
    it = Scenario(lanes(service=foo(artifacts=(FOO, BAR))))
    it.publish("1.9.9", commit="abc")
    it.publish("4.2", module=BAR, commit="abc")
    it.evaluate()
    assert it.status("dev-19", "1.9.9") is Status.CREATED
    assert it.status("dev", "4.2") is Status.CREATED


def test_a_change_says_beforehand_what_it_does_to_releases_in_flight() -> None:
    it = Scenario(lanes(main=("1.10.*",), backports=None))
    it.publish("1.8.3")
    it.evaluate()
    changed = lanes(main=(), backports=None)
    ahead = it.ledger.snapshot((), (), {}, changed.environments_of("foo"), changed.branches("foo"))
    found = effects(changed, ahead, it.now, it.catalog)
    assert [(one.environment, one.effect.partition(":")[0]) for one in found] == [
        ("dev", "is deployed at once"),
        ("prod", "gets a deployment, which waits"),
        ("staging", "gets a deployment, which waits"),
    ]


def test_what_a_person_promoted_from_another_branch_is_over_once_something_newer_runs() -> None:
    west = Stage(environment="west", after=After(environments=("dev",)))
    prod = Stage(environment="prod", after=After(environments=("east", "west"), need="any"))
    it = Scenario(catalog(*chain("dev", "east"), west, prod, branches=("!1.*",)))
    it.publish("1.0")
    for environment in ("east", "prod"):
        it.promote(environment, "1.0")
    it.evaluate()
    assert places(it, "1.0") == {"east": Status.NOT_STARTED, "prod": Status.NOT_STARTED}
    through(it, "2.0", "dev", "east", "prod")
    it.evaluate()
    assert places(it, "1.0") == {"east": Status.SKIPPED, "prod": Status.SKIPPED}
