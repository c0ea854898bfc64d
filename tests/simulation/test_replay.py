"""The decisions of other rules on a past that is written by hand."""

from datetime import timedelta

from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.soak import SoakPromotion
from deploydb.domain.model.catalog import Environment, Retry, Service
from deploydb.domain.model.deployment import GateStatus
from deploydb.domain.model.facts import HoldPlaced
from tests.domain.given import FOO, THREE, at, catalog, chain
from tests.simulation.given import Past, differences

PLAIN = catalog(*THREE)
SOAKED = catalog(*chain("dev", "staging", "prod", staging=("soak",)))
HOURS = timedelta(hours=1)


def test_a_soak_makes_a_release_later_by_exactly_the_soak() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    found = past.compared(PLAIN, SOAKED)
    assert differences(found) == [("later", "prod", "1.0", 2 * HOURS)]
    (one,) = found.differences
    assert (one.old_at, one.new_at) == (at(2), at(122))
    assert (found.same, found.hours("later"), found.hours("earlier")) == (2, 2.0, 0.0)


def test_without_the_soak_it_is_earlier() -> None:
    past = Past()
    past.publish("1.0", 0)
    for environment, minutes in (("dev", 0), ("staging", 1), ("prod", 122)):
        past.deployed(environment, "1.0", minutes)
    found = past.compared(SOAKED, PLAIN)
    assert differences(found) == [("earlier", "prod", "1.0", -2 * HOURS)]
    assert (found.hours("later"), found.hours("earlier")) == (0.0, 2.0)


def test_what_is_superseded_while_another_soaks_is_blocked_and_what_waits_for_it_is_later() -> None:
    past = Past()
    for version, minutes in (("1.0", 0), ("1.1", 30), ("1.2", 60)):
        past.everywhere(version, minutes)
    found = past.compared(PLAIN, SOAKED)
    assert differences(found) == [
        ("later", "prod", "1.0", 2 * HOURS),
        ("blocked", "prod", "1.1", None),
        ("later", "prod", "1.2", timedelta(minutes=61 + 120)),
        ("blocked", "staging", "1.1", None),
        ("later", "staging", "1.2", timedelta(minutes=61)),
    ]
    reasons = {one.name.environment: one.reason for one in found.differences if one.kind == "blocked"}
    assert reasons == {
        "staging": "superseded by 1.2, a higher version",
        "prod": "skipped in staging: superseded by 1.2, a higher version",
    }


def test_a_failure_that_is_blocked_would_have_been_stopped() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    past.publish("1.1", 30)
    for place, environment in enumerate(("dev", "staging", "prod")):
        past.deployed(environment, "1.1", 30 + place, outcome="failed" if environment == "prod" else "succeeded")
    past.everywhere("1.2", 60)
    found = past.compared(PLAIN, SOAKED)
    assert found.stopped == 1
    first = found.differences[0]
    assert (first.name.environment, first.name.version, first.kind, first.stopped) == ("prod", "1.1", "blocked", True)


def test_what_still_waits_when_the_past_ends_is_blocked_and_says_for_what() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    (one,) = past.compared(PLAIN, SOAKED, until=at(60)).differences
    assert (one.kind, one.name.environment) == ("blocked", "prod")
    assert one.reason == "still waits at the end: waits for staging"


def test_a_gate_without_approvals_is_unknown_without_it_the_release_is_known() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    request = catalog(*chain("dev", "staging", "prod", staging=("manual",)))
    found = past.compared(PLAIN, request)
    assert differences(found) == [("unknown", "prod", "1.0", None)]
    assert found.differences[0].reason == "under the new rules manual was never asked"
    assert found.stopped == 0


def test_what_waited_for_people_is_released_without_them_and_its_outcome_is_not_guessed() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.deployed("dev", "1.0", 0)
    past.deployed("staging", "1.0", 1, asked={"manual": GateStatus.PENDING})
    request = catalog(*chain("dev", "staging", "prod", staging=("manual",)))
    (one,) = past.compared(request, PLAIN).differences
    assert (one.kind, one.name.environment, one.new_at) == ("released", "prod", at(2))
    assert one.reason.endswith("its outcome is unknown: it was never deployed there")


def test_an_approval_counts_from_when_it_was_given_however_much_earlier_it_could_have_been_asked() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.deployed("dev", "1.0", 0)
    ident = past.deployed("staging", "1.0", 1, asked={"manual": GateStatus.PASS, "soak": GateStatus.PASS})
    past.approved(ident, "manual", 200)
    past.deployed("prod", "1.0", 200)
    both = catalog(*chain("dev", "staging", "prod", staging=("soak", "manual")))
    request = catalog(*chain("dev", "staging", "prod", staging=("manual",)))
    assert past.compared(both, request).differences == ()
    longer = catalog(
        *chain("dev", "staging", "prod", staging=("soak", "manual")),
        promotions=(SoakPromotion(ident="soak", duration=10 * HOURS), ManualPromotion(ident="manual")),
    )
    assert differences(past.compared(both, longer)) == [("later", "prod", "1.0", timedelta(minutes=2 + 600 - 200))]


def test_a_flow_of_unknown_outcome_does_not_block_others() -> None:
    past = Past()
    past.publish("1.0", 0)  # never deployed at all
    past.everywhere("1.1", 1)
    found = past.compared(PLAIN, SOAKED)
    assert differences(found) == [("later", "prod", "1.1", 2 * HOURS)]
    assert found.unknown == 2  # 1.0 in staging and prod; its command to dev is the same under both


def test_what_is_still_being_deployed_is_unknown_under_both() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.deployed("dev", "1.0", 0, outcome=None)
    found = past.compared(PLAIN, SOAKED, until=at(30))
    assert (found.differences, found.unknown) == ((), 2)


def test_no_answer_by_the_deadline_was_a_failure_and_is_one_again() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.deployed("dev", "1.0", 0, outcome=None, expired_at=at(60))
    found = past.compared(PLAIN, SOAKED)
    assert (found.differences, found.unknown) == ((), 0)


def test_a_freeze_of_the_past_stands_in_a_replay() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    freeze = HoldPlaced(
        id="1", source="cli", time=at(60), kind="freeze", environment="prod", by="alice", until=at(60 * 10)
    )
    past.tell(freeze)
    found = past.compared(PLAIN, SOAKED)
    assert differences(found) == [("later", "prod", "1.0", timedelta(minutes=600 - 2))]


def test_a_branch_goes_on_beside_one_of_unknown_outcome() -> None:
    stages = chain("dev", "eu")
    us = chain("dev", "us")[1]
    past = Past()
    past.everywhere("1.0", 0, "dev", "us")  # never deployed to eu
    old = catalog(*stages, us)
    new = catalog(*chain("dev", "eu", dev=("soak",)), us)
    assert differences(past.compared(old, new)) == [
        ("later", "eu", "1.0", 2 * HOURS),
        ("later", "us", "1.0", 2 * HOURS),
    ]


def test_a_service_or_a_stage_that_is_gone_is_blocked_and_a_new_stage_is_released() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    gone = past.compared(PLAIN, catalog(*chain("dev", "staging")))
    assert differences(gone) == [("blocked", "prod", "1.0", None)]
    assert gone.differences[0].reason == "prod is not a stage of foo"
    back = past.compared(catalog(*chain("dev", "staging")), PLAIN)
    assert differences(back) == [("released", "prod", "1.0", None)]
    other = Service(ident="bar", artifacts=("com.example:bar",), pipelines=("main",))
    nothing = past.compared(PLAIN, catalog(*THREE, services=(other,)))
    assert {one.reason for one in nothing.differences} == {"foo is not configured"}


def test_an_imported_past_is_replayed_at_its_own_times_unless_it_is_asked_when_it_was_known() -> None:
    past = Past()
    for version, minutes in (("1.0", 0), ("1.1", 300)):
        past.publish(version, minutes, recorded=at(1000))
        for place, environment in enumerate(("dev", "staging", "prod")):
            past.deployed(environment, version, minutes + place)
    assert differences(past.compared(PLAIN, SOAKED)) == [
        ("later", "prod", "1.0", 2 * HOURS),
        ("later", "prod", "1.1", 2 * HOURS),
    ]
    assert differences(past.compared(PLAIN, SOAKED, clock="recorded")) == [("later", "prod", "1.1", 2 * HOURS)]


def test_a_retry_that_was_never_made_is_not_guessed() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.deployed("dev", "1.0", 0, outcome="failed")
    again = Service(ident="foo", artifacts=(FOO,), pipelines=("main",), retry=Retry(retries=1))
    found = past.compared(PLAIN, catalog(*THREE, services=(again,)))
    assert differences(found) == [
        ("released", "dev", "1.0", None),
        ("unknown", "prod", "1.0", None),
        ("unknown", "staging", "1.0", None),
    ]
    (retried,) = (one for one in found.differences if one.kind == "released")
    assert retried.name.number == 2
    assert retried.reason == "there is no attempt 2; its outcome is unknown: it was never deployed there"


def test_with_rollback_the_last_good_one_would_be_put_back_with_an_unknown_outcome() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    past.publish("1.1", 60)
    for place, environment in enumerate(("dev", "staging", "prod")):
        past.deployed(environment, "1.1", 60 + place, outcome="failed" if environment == "prod" else "succeeded")
    new = catalog(*THREE)
    new.environments["prod"] = Environment(ident="prod", failure_strategy="rollback")
    (one,) = past.compared(PLAIN, new).differences
    assert (one.kind, one.name.kind, one.name.version, one.new_at) == ("released", "rollback", "1.0", at(63))
    assert one.reason == "nothing is rolled back; its outcome is unknown: it was never deployed there"
