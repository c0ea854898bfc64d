"""What would release a deployment: the fewest needs, and the earliest time."""

from datetime import UTC, datetime, time, timedelta

from msgspec.structs import replace

from deploydb.domain.calendar.window import Window
from deploydb.domain.gates import GateContext, Promotion, Requirement, Verdict
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.model.catalog import After, Parallel, Stage
from deploydb.engine.unblock import Unblock, unblock
from deploydb.query.unblock_view import sentence
from tests.domain.any_catalog import made
from tests.domain.given import BAR, FOO, NOON, SOAK, chain, foo
from tests.domain.scenario import Scenario, world
from tests.engine.feeding import asks_for_what_is_needed

SRE = ManualPromotion(ident="sre", groups=("sre",))
OFFICE = WindowPromotion(ident="office-hours", zone="UTC", allow=(Window(days=(1,), start=time(9), end=time(17)),))


def asked(it: Scenario, environment: str = "prod", version: str = "1.0") -> Unblock | None:
    return unblock(it.catalog, it.outlook(), it.find(environment, version).id, it.now)


def rendered(it: Scenario, environment: str = "prod", version: str = "1.0") -> str:
    found = asked(it, environment, version)
    assert found is not None
    return sentence(found, it.now)


def in_staging(it: Scenario) -> Scenario:
    """1.0 runs in staging, its first stage."""
    it.publish("1.0")
    it.evaluate()
    it.deploy("staging", "1.0")
    return it


def test_an_approval_a_soak_and_a_window_on_tuesday() -> None:
    it = world(
        *chain("staging", "prod", staging=("soak", "sre")),
        promotions=(SOAK, SRE, OFFICE),
        entry={"prod": ("office-hours",)},
        groups={"sre": frozenset({"bob"})},
    )
    in_staging(it)
    found = asked(it)
    assert found is not None
    assert found.earliest == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert [need.kind for need in found.needs] == ["approval", "time", "window"]
    assert rendered(it) == (
        "needs one approval of sre, and 1h59m of soak: earliest 09:00 Tuesday 24 Nov (UTC), when office-hours opens"
    )


def test_a_window_that_is_open_by_then_is_no_need() -> None:
    late = replace(OFFICE, allow=(Window(start=time(13), end=time(17)),))
    it = in_staging(
        world(
            *chain("staging", "prod", staging=("soak",)),
            promotions=(SOAK, late),
            entry={"prod": ("office-hours",)},
        )
    )
    assert rendered(it) == "needs 1h59m of soak: earliest 14:00 Sunday 22 Nov (UTC)"


def test_a_soak_begins_with_the_report_that_is_missing() -> None:
    it = in_staging(world(*chain("staging", "prod", staging=("smoke", "soak"))))
    assert rendered(it) == "needs smoke to pass, and 2h of soak: earliest 14:01 Sunday 22 Nov (UTC)"
    assert rendered(it, "staging") == "needs smoke to pass, and 2h of soak: earliest 14:01 Sunday 22 Nov (UTC)"


def test_the_stages_that_are_still_to_come_are_needed_too() -> None:
    it = world(*chain("dev", "staging", "prod", dev=("smoke",), staging=("smoke", "soak")))
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    assert rendered(it) == (
        "needs in dev smoke to pass; in staging the deployment of 1.0 to staging, smoke to pass, and 2h of soak: "
        "earliest 14:01 Sunday 22 Nov (UTC), not counting the deployments"
    )


def test_of_several_ways_the_one_that_needs_the_least() -> None:
    stages = (
        Stage(environment="eu", promotions=("smoke", "manual")),
        Stage(environment="us", promotions=("smoke",)),
        Stage(environment="prod", after=After(environments=("eu", "us"), need="any")),
    )
    it = world(*stages)
    it.publish("1.0")
    it.evaluate()
    it.deploy("eu", "1.0")
    it.deploy("us", "1.0")
    assert rendered(it) == "needs smoke to pass: earliest at once"


def test_a_hold_is_lifted_or_ends() -> None:
    it = world(*chain("staging", "prod"))
    it.hold("pause", environment="prod")
    in_staging(it)
    assert rendered(it) == "needs the pause to be lifted (foo is paused in prod by alice: because): earliest at once"
    it.hold("pause", environment="prod", lift=True)
    it.hold("pause", environment="prod", until=NOON + timedelta(hours=3))
    found = asked(it)
    assert found is not None
    assert found.earliest == NOON + timedelta(hours=3)


def test_a_freeze_is_overridden_or_thaws() -> None:
    it = world(*chain("staging", "prod"), freeze_overriders=("sre",))
    it.hold("freeze", environment="prod")
    in_staging(it)
    assert rendered(it).startswith("needs an override of the freeze by sre, or its end (prod is frozen")
    assert rendered(it).endswith("): earliest at once")


def test_what_never_comes_says_what_to_do_instead() -> None:
    it = world(*chain("staging", "prod"))
    it.publish("1.0")
    it.evaluate()
    it.deploy("staging", "1.0", "failed")
    assert rendered(it).startswith("nothing releases it: publish a newer version than 1.0")


def test_windows_that_never_meet_have_no_time() -> None:
    morning = replace(OFFICE, ident="morning", allow=(Window(start=time(6), end=time(9)),))
    evening = replace(OFFICE, ident="evening", allow=(Window(start=time(18), end=time(20)),))
    it = in_staging(
        world(*chain("staging", "prod"), promotions=(morning, evening), entry={"prod": ("morning", "evening")})
    )
    found = asked(it)
    assert found is not None
    assert found.earliest is None
    assert rendered(it) == "needs evening to open, and morning to open: no time is known"


def test_a_deployment_that_is_under_way_is_waited_for() -> None:
    it = world(*chain("staging", "prod"))
    it.publish("1.0")
    it.evaluate()
    assert rendered(it, "staging") == (
        "needs the deployment of 1.0 to staging to finish: earliest at once, not counting the deployments"
    )


def test_what_is_verified_by_the_one_before_it_goes_first() -> None:
    it = in_staging(world(*chain("staging", "prod", staging=("manual",))))
    it.publish("2.0", published=1)
    it.evaluate()
    assert rendered(it, "staging", "2.0") == "needs one approval (of 1.0, which goes first): earliest at once"


def test_what_is_there_and_verified_needs_nothing() -> None:
    it = in_staging(world(*chain("staging", "prod")))
    it.deploy("prod", "1.0")
    known = it.find("prod", "1.0")
    kept = replace(it.situation(), deployments=(known,))
    assert unblock(it.catalog, kept, known.id, it.now) is None


def test_in_a_parallel_group_the_flow_s_own_way_beside_it_takes_its_time() -> None:
    first = After(environments=("dev",))
    stages = (
        Stage(environment="dev", promotions=("smoke",)),
        Stage(environment="east", after=first, promotions=("soak",)),
        Stage(environment="west", after=first, promotions=("soak",)),
    )
    it = world(*stages, parallel=(Parallel(environments=("east", "west"), most=1),))
    it.publish("1.0")
    it.evaluate()
    it.deploy("dev", "1.0")
    assert rendered(it, "west") == (
        "needs in dev smoke to pass; in east the deployment of 1.0 to east, and 2h of soak: "
        "earliest 14:01 Sunday 22 Nov (UTC), not counting the deployments"
    )


def test_in_a_queue_each_release_before_it_takes_its_time() -> None:
    it = world(*(replace(stage, supersede="queue") for stage in chain("dev", "prod", dev=("soak",))))
    for number in range(3):
        it.publish(f"1.{number}", published=number)
        it.evaluate()
    it.deploy("dev", "1.0")
    found = asked(it, "prod", "1.2")
    assert found is not None
    assert found.earliest == NOON + timedelta(hours=6)
    assert [need.key[0] for need in found.needs if need.environment == "dev"] == [
        "gate",
        "finish",
        "gate",
        "finish",
        "gate",
    ]


def test_a_freeze_that_ends_in_time_needs_no_override() -> None:
    it = world(*chain("staging", "prod", staging=("soak",)), freeze_overriders=("sre",))
    it.hold("freeze", environment="prod", until=NOON + timedelta(hours=1))
    in_staging(it)
    assert rendered(it) == "needs 1h59m of soak: earliest 14:00 Sunday 22 Nov (UTC)"


def test_a_report_that_has_come_since_the_gate_was_evaluated_is_no_need() -> None:
    it = world(*chain("staging", "prod"), entry={"staging": ("smoke",)})
    it.publish("1.0")
    it.evaluate()
    it.hold("pause", environment="staging")
    it.verify("staging", "1.0")
    it.evaluate()
    assert rendered(it, "staging").startswith("needs the pause to be lifted")


def test_what_would_be_superseded_on_its_way_says_so() -> None:
    stages = chain("staging", "prod", staging=("smoke",))
    it = world(*(replace(stage, while_verifying="replace") for stage in stages))
    it.publish("1.0")
    it.evaluate()
    it.publish("1.1", published=1)
    it.evaluate()
    assert rendered(it) == (
        "nothing releases it: 1.1, which is newer, is on its way to prod: in prod it would be skipped: replaced by 1.1 "
        "in staging"
    )


def test_an_answer_that_is_needed_only_beside_another_is_left_out_with_it() -> None:
    stages = (replace(stage, supersede="all") for stage in chain("dev", "prod"))
    it = Scenario(made(tuple(stages), "published", ("smoke",), ("manual",)))
    it.publish("1.0", module=BAR, published=-9)
    for version, module, published in (("1.2", FOO, -5), ("1.3", BAR, 0), ("2.3", BAR, 1), ("1.3", FOO, -6)):
        it.publish(version, module=module, published=published, commit=version)
    it.evaluate()
    asks_for_what_is_needed(it, it.find("prod", "1.3", BAR))


def test_what_comes_through_its_last_stage_meanwhile_is_a_target_of_a_full_rollback() -> None:
    stages = chain("dev", "prod", prod=("soak",))
    it = world(*stages, services=[foo(artifacts=(FOO, BAR), failure_strategy="full_rollback")])
    it.publish("1.0", module=BAR)
    it.evaluate()
    it.deploy("dev", "1.0")
    it.deploy("prod", "1.0")
    it.hold("veto", environment="dev", version="2.0", until=it.now + timedelta(minutes=150))
    it.evaluate(70)
    it.publish("1.1", module=BAR, published=1)
    it.publish("2.0", published=1)
    it.evaluate()
    asks_for_what_is_needed(it, it.find("dev", "2.0"))


class Broken(Promotion, frozen=True, kw_only=True):
    """A gate that breaks, and would need the time at which it is asked again."""

    evaluations: list[datetime]

    def evaluate(self, context: GateContext, others: object) -> Verdict:
        self.evaluations.append(context.now)
        raise KeyError("published_by")

    def requirement(self, verdict: Verdict, context: GateContext) -> Requirement | None:
        return Requirement(kind="time", text="the release to be older", at=verdict.recheck_at)


def test_a_gate_that_breaks_needs_to_pass_and_is_not_asked_minute_by_minute() -> None:
    gate = Broken(ident="odd", evaluations=[])
    it = in_staging(world(*chain("staging", "prod", staging=("odd",)), promotions=(gate,)))
    gate.evaluations.clear()
    assert rendered(it) == "needs odd to pass: earliest at once"
    assert len(gate.evaluations) < 20


def test_what_was_rolled_back_there_by_hand_comes_by_a_promotion() -> None:
    it = world(*chain("dev", "prod"))
    it.publish("1.0")
    it.evaluate(1)
    it.deploy("dev", "1.0")
    it.deploy("prod", "1.0")
    it.publish("2.0", published=5)
    it.evaluate(1)
    it.observe("prod", "2.0")
    it.evaluate(1)
    it.want_back("prod")
    it.evaluate(1)
    advice = (
        "nothing releases it: promote it (`deploydb promote foo prod 2.0 --reason WHY`), or publish a newer version: "
    )
    assert rendered(it, version="2.0").startswith(advice + "rollback from 2.0, by alice")
    (rollback,) = [one for one in it.deployments.values() if one.kind == "rollback"]
    it.finish_rollback(rollback)
    it.deploy("dev", "2.0")
    it.promote("prod", "2.0")
    it.evaluate(1)
    it.deploy("prod", "2.0")
    assert it.runs("prod") == "2.0"
