"""Holds: what people order stands above what automation would do."""

from datetime import timedelta

import pytest

from deploydb.domain.model.admission_reasons import (
    FreezeOverridden,
    Frozen,
    NewerIsLive,
    Paused,
    Pinned,
    SkippedByHotfix,
    Superseded,
    Vetoed,
)
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.reason_parts import Comment
from deploydb.domain.model.reasons import Admitted
from deploydb.domain.wording import text
from tests.domain.given import NOON, catalog, chain, foo
from tests.domain.scenario import Scenario, world


@pytest.fixture
def it() -> Scenario:
    """1.0 runs in dev and prod, with success."""
    it = Scenario(
        catalog(
            *chain("dev", "prod"),
            groups={"sre": frozenset({"sue"}), "dev": frozenset({"dan"})},
            freeze_overriders=("sre",),
        )
    )
    release(it, "1.0")
    assert it.runs("prod") == "1.0"
    return it


def release(it: Scenario, version: str, *, to: tuple[str, ...] = ("dev", "prod"), published: float = 0) -> None:
    it.publish(version, published=published)
    it.evaluate(1)
    for environment in to:
        it.deploy(environment, version)


def test_a_pin_keeps_a_version_and_unpinning_goes_on_to_the_newest(it: Scenario) -> None:
    it.hold("pin", environment="prod", version="1.0", by="alice", reason="audit")
    release(it, "2.0", to=("dev",), published=1)
    release(it, "3.0", to=("dev",), published=2)
    assert it.reason("prod", "2.0") == Superseded(version="3.0", higher=True)
    assert it.reason("prod", "3.0") == Pinned(
        by="alice", service="foo", environment="prod", version="1.0", comment="audit"
    )
    it.hold("pin", environment="prod", lift=True)
    it.evaluate(1)
    it.deploy("prod", "3.0")
    assert it.runs("prod") == "3.0"


def test_a_pinned_version_goes_in_before_newer_ones(it: Scenario) -> None:
    it.hold("pause")
    release(it, "2.0", to=(), published=1)
    it.hold("pin", environment="dev", version="2.0")
    release(it, "3.0", to=(), published=2)
    assert it.status("dev", "2.0") is Status.NOT_STARTED
    it.hold("pause", lift=True)
    it.evaluate(1)
    it.deploy("dev", "2.0")
    assert it.runs("dev") == "2.0"
    assert it.reason("dev", "3.0") == Pinned(
        by="alice", service="foo", environment="dev", version="2.0", comment="because"
    )


def test_a_vetoed_version_goes_nowhere_and_does_not_supersede(it: Scenario) -> None:
    release(it, "2.0", to=("dev",), published=1)
    it.finish("prod", "2.0", "failed")
    it.hold("veto", version="3.0", reason="leaks")
    release(it, "3.0", to=(), published=2)
    assert it.reason("dev", "3.0") == Vetoed(by="alice", service="foo", version="3.0", comment="leaks")
    release(it, "4.0", published=3)
    assert it.runs("prod") == "4.0"
    assert it.status("dev", "3.0") is Status.SKIPPED


def test_a_veto_in_an_environment_holds_there_and_downstream_of_it() -> None:
    it = world(*chain("dev", "staging", "prod"))
    it.hold("veto", version="1.0", environment="staging", reason="not ready")
    it.publish("1.0")
    it.evaluate(1)
    it.deploy("dev", "1.0")
    assert it.reason("staging", "1.0") == Vetoed(
        by="alice", service="foo", environment="staging", version="1.0", comment="not ready"
    )
    it.hold("veto", version="1.0", environment="staging", lift=True)
    it.evaluate(1)
    it.deploy("staging", "1.0")
    assert it.status("prod", "1.0") is Status.CREATED


def test_holds_of_one_scope_of_any_people_stand_beside_each_other(it: Scenario) -> None:
    it.hold("freeze", environment="dev", by="alice", reason="holidays", until=it.now + timedelta(days=2))
    it.hold("freeze", environment="dev", by="bob", reason="stocktaking", until=it.now + timedelta(hours=1))
    it.hold("freeze", environment="dev", by="bob", reason="a bug", hold="bug")
    it.publish("2.0", published=1)
    it.evaluate(90)
    assert text(it.reason("dev", "2.0")).startswith(
        "dev is frozen for foo by bob: a bug; dev is frozen for foo by alice"
    )
    it.hold("freeze", environment="dev", by="carol", lift=True, hold="bug")
    made = it.evaluate(1)
    assert text(it.reason("dev", "2.0")).startswith("dev is frozen for foo by alice: holidays (until")
    assert made.recheck_at == NOON + timedelta(days=2, minutes=3)
    it.evaluate(2 * 24 * 60)
    assert it.status("dev", "2.0") is Status.CREATED


def test_a_lift_without_an_id_ends_each_hold_of_the_scope_until_then(it: Scenario) -> None:
    it.hold("pause", by="alice", hold="1")
    it.hold("pause", by="bob", hold="2")
    it.hold("pause", by="carol", lift=True)
    it.publish("2.0", published=1)
    it.evaluate(1)
    assert it.status("dev", "2.0") is Status.CREATED


def test_a_hold_begins_at_its_time(it: Scenario) -> None:
    it.hold("freeze", environment="prod", begins=it.now + timedelta(minutes=10), until=it.now + timedelta(minutes=20))
    release(it, "2.0", to=("dev",), published=1)
    assert it.status("prod", "2.0") is Status.CREATED
    it.deploy("prod", "2.0")
    it.publish("3.0", published=2)
    it.evaluate(1)
    it.deploy("dev", "3.0")
    it.deploy("prod", "3.0")
    it.now = NOON + timedelta(minutes=15)
    release(it, "4.0", to=("dev",), published=15)
    assert text(it.reason("prod", "4.0")).startswith("prod is frozen for foo by alice: because (from 2026-11-22")
    it.evaluate(10)
    assert it.status("prod", "4.0") is Status.CREATED


def test_pins_to_two_versions_let_neither_in(it: Scenario) -> None:
    it.hold("pin", environment="prod", version="1.0", by="alice")
    it.hold("pin", environment="prod", version="2.0", by="bob")
    release(it, "2.0", to=("dev",), published=1)
    release(it, "3.0", to=("dev",), published=2)
    assert it.reason("prod", "2.0") == Pinned(
        by="alice", service="foo", environment="prod", version="1.0", comment="because"
    )
    it.hold("pin", environment="prod", by="bob", hold="alice", lift=True)
    it.evaluate(1)
    assert it.status("prod", "2.0") is Status.CREATED
    assert it.status("prod", "3.0") is Status.NOT_STARTED


def test_another_pin_of_one_person_takes_the_place_of_the_first(it: Scenario) -> None:
    it.hold("pin", environment="prod", version="1.0", by="alice")
    it.hold("pin", environment="prod", version="2.0", by="alice")
    release(it, "2.0", to=("dev",), published=1)
    assert it.status("prod", "2.0") is Status.CREATED


def test_a_freeze_ends_by_itself_to_the_second(it: Scenario) -> None:
    it.hold("freeze", service=None, until=it.now + timedelta(minutes=30), reason="holidays")
    it.publish("2.0", published=1)
    made = it.evaluate(1)
    until = it.now + timedelta(minutes=29)
    assert it.reason("dev", "2.0") == Frozen(by="alice", comment="holidays", until=until)
    assert made.recheck_at == it.now + timedelta(minutes=29)
    it.evaluate(29)
    assert it.status("dev", "2.0") is Status.CREATED


@pytest.mark.parametrize(
    ("by", "comment", "passes"),
    [("sue", "prod is down", True), ("sue", None, False), ("dan", "prod is down", False)],
)
def test_a_freeze_is_passed_by_a_member_of_the_group_with_a_reason(
    it: Scenario, by: str, comment: str | None, passes: bool
) -> None:
    it.hold("freeze", environment="dev", reason="stocktaking")
    it.publish("2.0", published=1)
    it.evaluate(1)
    it.override("dev", "2.0", by, comment)
    it.evaluate(1)
    assert (it.status("dev", "2.0") is Status.CREATED) is passes
    if passes:
        assert it.commands[-1].reason == (
            Admitted(
                published_by="ci",
                entry=(
                    FreezeOverridden(
                        freezes=(Frozen(by="alice", service="foo", environment="dev", comment="stocktaking"),),
                        by=(Comment(by="sue", comment="prod is down"),),
                    ),
                ),
            )
        )


def test_an_override_is_for_the_freeze_that_it_was_given_in(it: Scenario) -> None:
    it.publish("2.0", published=1)
    it.hold("freeze", environment="dev")
    it.evaluate(1)
    it.override("dev", "2.0", "sue")
    it.now += timedelta(minutes=1)
    it.hold("freeze", environment="dev", lift=True)
    it.hold("freeze", environment="dev", reason="another one")
    it.evaluate(1)
    assert it.status("dev", "2.0") is Status.NOT_STARTED


def test_an_override_counts_for_the_freezes_that_stood_when_it_was_recorded(it: Scenario) -> None:
    it.publish("2.0", published=1)
    it.hold("freeze", environment="dev")
    it.evaluate(1)
    it.override("dev", "2.0", "sue")
    it.now += timedelta(minutes=1)
    it.hold("freeze", environment="dev", reason="backdated", when=it.now - timedelta(hours=2), by="bob")
    it.evaluate()
    assert it.status("dev", "2.0") is Status.NOT_STARTED
    it.now += timedelta(minutes=1)
    it.override("dev", "2.0", "sue", when=it.now - timedelta(seconds=30))
    it.evaluate()
    assert it.status("dev", "2.0") is Status.CREATED


def test_an_override_from_before_a_freeze_begins_does_not_count(it: Scenario) -> None:
    it.publish("2.0", published=1)
    it.hold("freeze", environment="dev", begins=it.now + timedelta(minutes=10))
    it.hold("freeze", environment="dev", until=it.now + timedelta(minutes=10), by="bob")
    it.evaluate(1)
    it.override("dev", "2.0", "sue")
    it.now += timedelta(minutes=10)
    it.evaluate()
    assert it.status("dev", "2.0") is Status.NOT_STARTED
    it.override("dev", "2.0", "sue")
    it.evaluate()
    assert it.status("dev", "2.0") is Status.CREATED


def test_a_pause_stops_promotions_of_its_service_until_it_is_resumed(it: Scenario) -> None:
    it.hold("pause", reason="moving house")
    release(it, "2.0", to=(), published=1)
    assert it.reason("dev", "2.0") == Paused(by="alice", service="foo", comment="moving house")
    it.hold("pause", lift=True)
    it.evaluate(1)
    assert it.status("dev", "2.0") is Status.CREATED


def test_a_hotfix_goes_ahead_past_the_stages_it_names_with_who_and_why() -> None:
    it = world(*chain("dev", "staging", "prod"), services=[foo(order="published")])
    release(it, "1.0", to=("dev", "staging", "prod"))
    release(it, "2.0", to=("dev",), published=1)
    it.publish("1.9", published=2)
    it.hotfix("1.9", "staging", by="sue")
    it.evaluate(1)
    it.deploy("dev", "1.9")
    assert it.status("staging", "1.9") is Status.SKIPPED
    assert it.reason("staging", "1.9") == SkippedByHotfix(hotfix=Comment(by="sue", comment="prod is down"))
    it.deploy("prod", "1.9")
    assert it.runs("prod") == "1.9"
    assert it.commands[-1].reason.hotfix == Comment(by="sue", comment="prod is down")
    it.deploy("staging", "2.0")
    assert it.reason("prod", "2.0") == NewerIsLive(environment="prod", version="1.9", higher=False)


@pytest.mark.parametrize("how", ["unverified", "failed", "deploying"])
def test_a_hotfix_passes_a_stage_by_however_far_it_is_there(how: str) -> None:
    it = world(*chain("dev", "staging", "prod", dev=("smoke",)))
    it.publish("1.0")
    it.evaluate(1)
    if how != "deploying":
        it.deploy("dev", "1.0")
    if how == "failed":
        it.verify("dev", "1.0", outcome="failed")
    it.evaluate(1)
    assert it.status("staging", "1.0") is Status.NOT_STARTED
    it.hotfix("1.0", "dev", "staging", by="sue")
    it.evaluate(1)
    assert it.status("staging", "1.0") is Status.SKIPPED
    assert it.status("prod", "1.0") is Status.CREATED
    assert it.reason("prod", "1.0") == Admitted(published_by="ci", hotfix=Comment(by="sue", comment="prod is down"))
    if how == "unverified":
        it.verify("dev", "1.0")
        it.evaluate(1)
        assert it.status("dev", "1.0") is Status.SUCCESS
