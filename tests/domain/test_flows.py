"""Flows, their commands, and one deployment at a time in a lane: one story a rule."""

from msgspec.structs import replace

from deploydb.domain.evaluation.evaluate import open_flow
from deploydb.domain.model.admission_reasons import BeingDeployed, NewerIsLive, Superseded
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.domain.model.commands import Previous
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.gate_reasons import Approved, JobsPassed
from deploydb.domain.model.reason_parts import JobReport
from deploydb.domain.model.reasons import Admitted, AwaitingStages, GatesPassed, SkippedUpstream, StageReason
from tests.domain.given import BAR, FOO, THREE, artifact, at, catalog, chain, foo, release
from tests.domain.scenario import Scenario, world


def test_a_release_opens_a_deployment_for_every_stage_with_the_promotions_that_it_will_ask() -> None:
    known = catalog(*chain("dev", "prod", prod=("manual", "smoke")), services=[foo(promotions=("smoke",))])
    opened = open_flow(known, "foo", release())
    assert opened.stages == (("dev", ("smoke",)), ("prod", ("smoke", "manual")))


def test_the_first_stage_is_commanded_and_the_others_wait_for_it() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    (command,) = it.commands
    assert (command.kind, command.deployment.environment) == ("deploy", "dev")
    assert (command.deadline, command.reason) == (at(60), Admitted(published_by="ci"))
    assert [it.status(name, "1.0") for name in ("dev", "staging", "prod")] == ["CREATED", "NOT_STARTED", "NOT_STARTED"]
    assert it.reason("staging", "1.0") == AwaitingStages(environments=("dev",), all=True)
    assert it.reason("prod", "1.0") == AwaitingStages(environments=("staging",), all=True)


def test_a_release_walks_through_every_stage_to_success() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    for environment in ("dev", "staging", "prod"):
        it.deploy(environment, "1.0")
        assert it.status(environment, "1.0") is Status.SUCCESS
        assert it.runs(environment) == "1.0"
    assert not any(known.needs_evaluation for known in it.deployments.values())
    assert it.evaluate().recheck_at is None


def test_what_waits_upstream_is_reported_once_and_not_again_at_each_step() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.start("dev", "1.0")
    assert it.evaluate().decisions == ()


def test_the_reason_of_a_command_says_what_passed_upstream_and_at_the_door() -> None:
    it = world(*chain("dev", "prod", dev=("smoke", "manual")), entry={"prod": ("smoke",)})
    it.publish("1.0")
    it.evaluate()
    it.finish("dev", "1.0")
    it.verify("dev", "1.0")
    it.speak("dev", "1.0", "bob")
    it.speak("dev", "1.0", "alice")
    it.verify("prod", "1.0")
    it.evaluate()
    assert it.reason("prod", "1.0") == Admitted(
        promoted_from=(
            StageReason(
                environment="dev",
                reason=GatesPassed(
                    reasons=(JobsPassed(reports=(JobReport(job="smoke"),)), Approved(by=("alice", "bob")))
                ),
            ),
        ),
        entry=(JobsPassed(reports=(JobReport(job="smoke"),)),),
    )


def test_a_contradicted_release_is_deployed_as_its_earliest_publication_and_the_reason_says_so() -> None:
    it = world()
    it.publish("1.0")
    for known in list(it.deployments.values()):
        conflict = "b/2 published it with digest y, a with x"
        it.ledger.put(replace(known, release=replace(known.release, conflict=conflict)))
    it.evaluate()
    assert it.commands[0].reason == (Admitted(published_by="ci", conflict="b/2 published it with digest y, a with x"))


def test_a_service_that_is_not_configured_waits_until_it_comes_back_but_what_happened_is_taken_in() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    known, it.catalog = it.catalog, Catalog()
    it.finish("dev", "1.0")
    it.observe("prod", "0.9")
    it.evaluate(1)
    assert (it.runs("dev"), it.runs("prod")) == ("1.0", "0.9")
    assert it.status("dev", "1.0") is Status.COMPLETED
    assert [one.needs_evaluation for one in it.deployments.values() if one.kind == "external"] == [False]
    it.catalog = known
    it.evaluate()
    assert it.status("staging", "1.0") is Status.CREATED


def test_the_manifest_names_every_artifact_of_the_service_that_the_environment_runs() -> None:
    it = world(services=[foo(artifacts=(FOO, BAR, "com.example:never"))])
    it.publish("2.0", module=BAR)
    it.evaluate()
    it.deploy("dev", "2.0")
    it.publish("1.0")
    it.evaluate()
    command = it.commands[-1]
    assert command.manifest == (artifact("1.0"), artifact("2.0", module=BAR))
    assert command.previous is None


def test_a_command_names_what_it_replaces() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.publish("1.1", published=1)
    it.evaluate()
    command = it.commands[-1]
    assert command.manifest == (artifact("1.1"),)
    assert command.previous == Previous(version="1.0", deployment=it.find("dev", "1.0").id)


def test_the_manifest_leaves_out_what_the_service_is_no_longer_made_of() -> None:
    it = world(services=[foo(artifacts=(FOO, BAR))])
    it.publish("2.0", module=BAR)
    it.evaluate()
    it.deploy("dev", "2.0")
    it.catalog = catalog(*THREE)
    it.publish("1.0")
    it.evaluate()
    assert it.commands[-1].manifest == (artifact("1.0"),)


def test_a_newer_release_waits_while_another_is_being_deployed() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.publish("1.1", published=1)
    it.evaluate()
    assert it.status("dev", "1.1") is Status.NOT_STARTED
    assert it.reason("dev", "1.1") == BeingDeployed(version="1.0", deployment=it.find("dev", "1.0").id)
    it.deploy("dev", "1.0")
    assert it.status("dev", "1.1") is Status.CREATED
    assert it.status("staging", "1.0") is Status.CREATED


def test_the_newest_at_the_door_is_chosen_and_the_others_are_skipped_all_the_way() -> None:
    it = world()
    for number in (2, 3, 1):
        it.publish(f"1.{number}", published=number)
    it.evaluate()
    assert it.status("dev", "1.3") is Status.CREATED
    for version in ("1.1", "1.2"):
        assert it.reason("dev", version) == Superseded(version="1.3", higher=True)
        for environment in ("staging", "prod"):
            assert it.status(environment, version) is Status.SKIPPED
            assert it.reason(environment, version) == SkippedUpstream(
                environment="dev", reason=Superseded(version="1.3", higher=True)
            )


def test_where_newer_means_published_later_a_backport_goes_through() -> None:
    it = world(services=[foo(order="published")])
    it.publish("2.0", published=1)
    it.evaluate()
    it.deploy("dev", "2.0")
    it.publish("1.9.1", published=2)
    it.evaluate()
    assert it.status("dev", "1.9.1") is Status.CREATED


def test_a_backport_is_skipped() -> None:
    it = world()
    it.publish("2.0", published=1)
    it.evaluate()
    it.deploy("dev", "2.0")
    it.publish("1.9.1", published=2)
    it.publish("1.10", published=3)
    it.evaluate()
    assert (
        it.reason("dev", "1.9.1")
        == it.reason("dev", "1.10")
        == NewerIsLive(environment="dev", version="2.0", higher=True)
    )


def test_another_tag_of_the_same_version_is_newer_if_it_was_published_later() -> None:
    it = world()
    it.publish("v2.0", published=1)
    it.publish("2.0", published=0)
    it.evaluate()
    assert it.status("dev", "v2.0") is Status.CREATED
    assert it.reason("dev", "2.0") == Superseded(version="v2.0", higher=False)


def test_a_release_that_is_heard_of_late_is_no_downgrade() -> None:
    it = world()
    it.publish("1.1", published=5)
    it.evaluate()
    it.publish("1.0", published=0)
    it.evaluate()
    assert it.reason("dev", "1.0") == Superseded(version="1.1", higher=True)
    it.deploy("dev", "1.1")
    it.publish("0.9", published=-5)
    it.evaluate()
    assert it.reason("dev", "0.9") == NewerIsLive(environment="dev", version="1.1", higher=True)
    assert it.status("prod", "0.9") is Status.SKIPPED


def test_an_older_release_does_not_follow_a_newer_one_that_failed() -> None:
    it = world()
    it.publish("1.1", published=5)
    it.evaluate()
    it.deploy("dev", "1.1", "failed")
    it.publish("1.0")
    it.evaluate()
    assert it.reason("dev", "1.0") == Superseded(version="1.1", higher=True)


def test_only_a_release_of_the_same_module_supersedes() -> None:
    it = world(services=[foo(artifacts=(FOO, BAR))])
    it.publish("1.0")
    it.publish("7", published=5, module=BAR)
    it.evaluate()
    assert it.status("dev", "1.0") is Status.CREATED
    assert it.reason("dev", "7") == BeingDeployed(version="1.0", deployment=it.find("dev", "1.0").id)
    it.deploy("dev", "1.0")
    assert it.status("dev", "7") is Status.CREATED
    it.deploy("dev", "7")
    assert (it.runs("dev"), it.runs("dev", BAR)) == ("1.0", "7")


def test_services_that_share_an_environment_do_not_wait_for_each_other() -> None:
    known = catalog(*THREE, services=[foo(), Service(ident="bar", artifacts=(FOO,), pipelines=("main",))])
    one, other = Scenario(known, "foo"), Scenario(known, "bar")
    for it in (one, other):
        it.publish("1.0")
        it.evaluate()
        assert it.status("dev", "1.0") is Status.CREATED
