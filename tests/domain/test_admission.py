"""The way from stage to stage, the door of each, and a catalog that changes under way: one story a rule."""

from datetime import timedelta

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.gate_reasons import ApprovalRefused, Approved, AwaitingApproval, Soaking
from deploydb.domain.model.outcome_reasons import NoGates, Replaced
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import Admitted, AwaitingStages, StageReason
from tests.domain.given import THREE, at, catalog, chain, foo
from tests.domain.scenario import world


def fan_in(need: str) -> tuple[Stage, ...]:
    both = After(environments=("east", "west"), need=need)
    return (Stage(environment="east"), Stage(environment="west"), Stage(environment="prod", after=both))


def test_a_stage_after_all_waits_for_each() -> None:
    it = world(*fan_in("all"))
    it.publish("1.0")
    it.evaluate()
    assert it.reason("prod", "1.0") == AwaitingStages(environments=("east", "west"), all=True)
    it.deploy("west", "1.0")
    assert it.reason("prod", "1.0") == AwaitingStages(environments=("east",), all=True)
    it.deploy("east", "1.0")
    assert it.status("prod", "1.0") is Status.CREATED
    assert it.reason("prod", "1.0") == (
        Admitted(
            promoted_from=(
                StageReason(environment="east", reason=NoGates()),
                StageReason(environment="west", reason=NoGates()),
            )
        )
    )


def test_a_stage_after_any_waits_for_one() -> None:
    it = world(*fan_in("any"))
    it.publish("1.0")
    it.evaluate()
    assert it.reason("prod", "1.0") == AwaitingStages(environments=("east", "west"), all=False)
    it.deploy("west", "1.0")
    assert it.status("prod", "1.0") is Status.CREATED


def test_after_all_one_dead_end_is_the_end_and_after_any_the_last_one() -> None:
    for need, after_one in (("all", "SKIPPED"), ("any", "NOT_STARTED")):
        it = world(*fan_in(need))
        it.publish("1.0")
        it.evaluate()
        it.observe("east", "2.0", when=at(30))
        it.evaluate(30)
        it.finish("east", "1.0", when=at(20))
        it.evaluate()
        assert it.status("east", "1.0") is Status.COMPLETED
        assert it.reason("east", "1.0") == Replaced(version="2.0")
        assert it.status("prod", "1.0") == after_one
        it.evaluate(30)
        assert it.status("west", "1.0") is Status.FAILED
        assert it.status("prod", "1.0") is Status.SKIPPED


def test_a_diamond_is_deployed_once_at_its_end() -> None:
    first = After(environments=("dev",))
    it = world(
        Stage(environment="dev"),
        Stage(environment="east", after=first),
        Stage(environment="west", after=first),
        Stage(environment="prod", after=After(environments=("east", "west"))),
    )
    it.publish("1.0")
    it.evaluate()
    for environment in ("dev", "east", "west", "prod"):
        it.deploy(environment, "1.0")
    assert [command.deployment.environment for command in it.commands] == ["dev", "east", "west", "prod"]


def test_entry_gates_are_asked_at_the_door() -> None:
    it = world(entry={"dev": ("manual",)})
    it.publish("1.0")
    it.evaluate()
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (Status.NOT_STARTED, AwaitingApproval(missing=1))
    it.speak("dev", "1.0", "alice")
    it.evaluate()
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (
        Status.CREATED,
        Admitted(published_by="ci", entry=(Approved(by=("alice",)),)),
    )


def test_who_is_refused_at_the_door_waits_there_for_another_word_or_a_newer_version() -> None:
    it = world(entry={"dev": ("manual",)})
    it.publish("1.0")
    it.speak("dev", "1.0", "bob", given=False)
    it.evaluate()
    assert (it.status("dev", "1.0"), it.reason("dev", "1.0")) == (
        Status.NOT_STARTED,
        ApprovalRefused(promotion="manual", refusals=(Comment(by="bob"),)),
    )
    it.publish("1.1", published=1)
    it.evaluate()
    assert it.status("dev", "1.0") is Status.SKIPPED


def test_a_soak_at_the_door_counts_from_the_run_upstream() -> None:
    it = world(*chain("dev", "prod"), entry={"prod": ("soak",)})
    it.publish("1.0")
    it.evaluate()
    it.finish("dev", "1.0", when=at(10))
    assert it.evaluate(20).recheck_at == at(130)
    assert it.reason("prod", "1.0") == Soaking(duration=timedelta(hours=2), until=at(130))
    it.evaluate(110)
    assert it.status("prod", "1.0") is Status.CREATED


def test_a_gate_that_is_asked_no_more_holds_no_release() -> None:
    it = world(services=[foo(promotions=("smoke",))])
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    it.catalog = catalog(*THREE)
    it.evaluate()
    assert it.status("staging", "1.0") is Status.CREATED
