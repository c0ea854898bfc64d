"""What happened without a command, and clocks that are wrong: one story a rule."""

from datetime import timedelta

from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import CurrentVersionChanged, DeploymentTransitioned, DeploymentWentLive
from deploydb.domain.model.admission_reasons import NewerIsLive
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.outcome_reasons import FinishedWithoutCommand, Replaced
from deploydb.domain.model.reasons import ReplacedUpstream
from tests.domain.given import FOO, THREE, at, chain, foo
from tests.domain.scenario import world


def test_what_was_done_by_hand_is_known_to_run_there() -> None:
    it = world()
    it.observe("prod", "0.9")
    (came, changed, closed) = it.evaluate().decisions
    assert isinstance(came, DeploymentWentLive)
    assert isinstance(changed, CurrentVersionChanged)
    assert isinstance(closed, DeploymentTransitioned)
    assert (it.runs("prod"), closed.what) == ("0.9", "closed")


def test_what_was_seen_earlier_than_what_runs_is_history() -> None:
    it = world()
    it.observe("prod", "1.0", when=at(0))
    it.evaluate()
    it.observe("prod", "0.9", when=at(-60))
    it.evaluate()
    assert it.runs("prod") == "1.0"


def test_another_version_put_there_by_hand_replaces_the_one_that_is_being_verified() -> None:
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.observe("dev", "0.9")
    it.evaluate()
    assert it.runs("dev") == "0.9"
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.COMPLETED, Replaced(version="0.9"))
    assert it.reason("prod", "1.0") == ReplacedUpstream(environment="dev", reason=Replaced(version="0.9"))


def test_the_same_version_put_there_again_by_hand_does_not_disturb_its_flow() -> None:
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.observe("dev", "1.0")
    it.evaluate()
    it.verify("dev", "1.0")
    it.evaluate()
    assert it.status("dev", "1.0") is Status.SUCCESS
    assert it.status("staging", "1.0") is Status.CREATED


def test_what_was_put_there_twice_and_then_overtaken_is_settled_at_once() -> None:
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    first = it.find("dev", "1.0").id
    it.deploy("dev", "1.0")
    it.evaluate(1)
    again = it.now
    it.finish("dev", "1.0")
    it.evaluate()
    assert it.deployments[first].live_again_at is None  # it ran on
    it.evaluate(1)
    it.observe("dev", "1.0")
    it.evaluate(0)  # and decides nothing when it looks again
    assert it.deployments[first].live_again_at == again


def test_a_newer_version_put_there_by_hand_is_not_taken_away_again() -> None:
    it = world()
    it.observe("staging", "1.5", when=at(5))
    it.publish("1.0")
    it.evaluate(5)
    it.deploy("dev", "1.0")
    assert it.reason("staging", "1.0") == NewerIsLive(environment="staging", version="1.5", higher=True)


def test_a_finish_without_a_command_is_adopted_and_cannot_backdate_a_soak() -> None:
    it = world(*chain("dev", "prod", dev=("soak",)))
    it.publish("1.0")
    it.finish("dev", "1.0", when=at(-6000))
    (adopted, *_) = it.evaluate().decisions
    assert isinstance(adopted, DeploymentTransitioned)
    assert (adopted.what, adopted.reason) == ("adopted", FinishedWithoutCommand())
    assert (it.status("dev", "1.0"), it.runs("dev")) == (Status.COMPLETED, "1.0")
    assert it.commands == []
    it.evaluate(119)
    assert it.status("dev", "1.0") is Status.COMPLETED
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.SUCCESS


def test_of_several_adopted_together_the_last_to_finish_runs() -> None:
    for versions in (("1.0", "1.1"), ("1.1", "1.0")):
        it = world()
        for version in versions:
            it.publish(version, published={"1.0": 0, "1.1": 1}[version])
        it.finish("prod", "1.0", when=at(-20))
        it.finish("prod", "1.1", when=at(-10))
        it.evaluate()
        assert it.runs("prod") == "1.1"
        assert it.running["prod", FOO].live_at == at(-10)


def test_an_older_finish_that_is_heard_of_late_does_not_change_what_runs() -> None:
    it = world()
    it.publish("1.1", published=1)
    it.finish("prod", "1.1", when=at(-10))
    it.evaluate()
    it.publish("1.0")
    it.finish("prod", "1.0", when=at(-20))
    it.evaluate(1)
    assert it.runs("prod") == "1.1"
    assert it.reason("prod", "1.0") == Replaced(version="1.1")


def test_a_failure_without_a_command_is_adopted_and_replaced_by_the_next_command() -> None:
    it = world()
    it.publish("1.0")
    it.finish("prod", "1.0", "failed")
    it.evaluate()
    assert it.status("prod", "1.0") is Status.FAILED
    for environment in ("dev", "staging"):
        it.deploy(environment, "1.0")
    it.publish("1.1", published=1)
    it.evaluate()
    for environment in ("dev", "staging", "prod"):
        it.deploy(environment, "1.1")
    assert not any(known.needs_evaluation for known in it.deployments.values())


def test_what_was_skipped_and_finishes_all_the_same_does_run_there_and_stays_skipped() -> None:
    it = world()
    it.publish("1.0")
    it.publish("1.1", published=1)
    it.evaluate()
    it.deploy("dev", "1.1")
    it.finish("dev", "1.0")
    it.evaluate(1)
    assert (it.status("dev", "1.0"), it.runs("dev")) == (Status.SKIPPED, "1.0")
    assert not it.find("dev", "1.0").needs_evaluation


def test_a_report_on_a_deployment_that_is_over_changes_nothing_and_is_closed_again() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    since = it.running["dev", FOO].live_at
    it.finish("dev", "1.0", when=it.now + timedelta(seconds=10))
    (closed,) = it.evaluate(1).decisions
    assert isinstance(closed, DeploymentTransitioned)
    assert (closed.what, it.status("dev", "1.0")) == ("closed", Status.SUCCESS)
    assert it.running["dev", FOO].live_at == since


def test_what_was_replaced_stays_so_whatever_is_reported_on_it_later() -> None:
    stages = (replace(stage, while_verifying="replace") for stage in THREE)
    it = world(*stages, services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.publish("1.1", published=1)
    it.evaluate()
    it.deploy("dev", "1.1")
    it.verify("dev", "1.0")
    it.finish("dev", "1.0")
    it.evaluate(1)
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.COMPLETED, Replaced(version="1.1"))
    assert not it.find("dev", "1.0").needs_evaluation
    assert it.runs("dev") == "1.0"


def test_a_source_whose_clock_is_ahead_does_not_run_for_ever() -> None:
    it = world()
    it.publish("1.0")
    it.evaluate()
    it.finish("dev", "1.0", when=at(4))
    it.publish("1.1", published=1)
    it.evaluate()
    assert it.status("dev", "1.1") is Status.CREATED
    it.finish("dev", "1.1", when=at(0))
    it.evaluate()
    assert it.runs("dev") == "1.1"
    assert it.status("staging", "1.1") is Status.NOT_STARTED
    assert it.status("dev", "1.1") is Status.SUCCESS


def test_a_release_in_trouble_that_had_got_through_goes_on_though_a_newer_one_takes_its_place() -> None:
    it = world(*chain("dev", "prod", prod=("smoke",)))
    it.publish("1.0")
    it.evaluate(1)
    it.hold("pause", environment="prod")
    it.deploy("dev", "1.0")
    it.incident("dev")
    it.evaluate(1)
    it.publish("2.0", published=1)
    it.evaluate(1)
    it.deploy("dev", "2.0", "failed")
    it.hold("pause", environment="prod", lift=True)
    it.evaluate(1)
    assert it.status("dev", "1.0") is Status.SUCCESS
    assert it.status("prod", "1.0") is Status.CREATED
