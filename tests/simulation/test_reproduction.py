"""The replay of the unchanged catalog beside the commands that were really given."""

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import GateStatus
from deploydb.simulation import Reproduction, reproduce
from tests.domain.given import THREE, catalog, chain, foo
from tests.simulation.given import Past

PLAIN = catalog(*THREE)
SOAKED = catalog(*chain("dev", "staging", "prod", staging=("soak",)))
PEOPLE = catalog(*chain("dev", "staging", "prod", staging=("manual",)))


def reproduced(past: Past, known: Catalog, *, decided_by: str = "") -> Reproduction:
    replay, reality = past.replayed(known, decided_by=decided_by)
    return reproduce(replay, reality)


def deviations(found: Reproduction) -> list[tuple[str, str, bool, str, str]]:
    """Environment, version, whether it is in reality alone, cause, reason."""
    return [
        (one.name.environment, one.name.version, one.real_at is not None, one.cause, one.reason)
        for one in found.deviations
    ]


def test_every_command_is_reproduced_where_nothing_has_changed() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    past.everywhere("1.1", 30)
    assert reproduced(past, PLAIN) == Reproduction(real=6, reproduced=6, extra=0, following=0, deviations=())


def test_a_command_by_another_catalog_names_it_and_what_comes_after_follows() -> None:
    past = Past()
    for version, minutes in (("1.0", 0), ("1.1", 30), ("1.2", 60)):
        past.everywhere(version, minutes)
    found = reproduced(past, SOAKED, decided_by="1d0a77c3b5e9ffff")
    # 1.1 is superseded in staging while 1.0 soaks there; that it is missing in prod follows
    reason = "the configuration was another one then, 1d0a77c3b5e9"
    assert deviations(found) == [("staging", "1.1", True, "catalog", reason)]
    assert (found.real, found.reproduced, found.extra, found.following) == (9, 7, 0, 1)


def test_with_the_same_catalog_the_reason_is_that_of_the_replay() -> None:
    past = Past()
    for version, minutes in (("1.0", 0), ("1.1", 30), ("1.2", 60)):
        past.everywhere(version, minutes)
    reason = "in the replay, superseded by 1.2, a higher version"
    assert deviations(reproduced(past, SOAKED)) == [("staging", "1.1", True, "undetermined", reason)]


def test_a_version_that_was_published_before_is_outside() -> None:
    past = Past()
    past.deployed("dev", "1.0", 0)
    reason = "the log of that time has no publication of 1.0"
    assert deviations(reproduced(past, PLAIN)) == [("dev", "1.0", True, "outside", reason)]


def test_a_stage_that_is_gone_is_not_configured() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    found = reproduced(past, catalog(*chain("dev", "staging")))
    assert deviations(found) == [("prod", "1.0", True, "not_configured", "prod is not a stage of foo")]


def test_an_answer_that_the_log_lacks_is_unknown() -> None:
    past = Past()
    past.everywhere("1.0", 0)
    assert deviations(reproduced(past, PEOPLE)) == [("prod", "1.0", True, "unknown", "manual was never asked")]


def test_a_command_that_was_not_given_is_extra_with_the_reason_of_reality() -> None:
    past = Past()
    past.publish("1.0", 0)
    past.waited("dev", "1.0", {"manual": GateStatus.PENDING})
    found = reproduced(past, PLAIN)
    reason = "in reality, still waits at the end: nothing let it in"
    assert deviations(found) == [("dev", "1.0", False, "undetermined", reason)]
    assert (found.real, found.reproduced, found.extra) == (0, 0, 1)


def test_the_same_commands_in_another_order_are_a_deviation() -> None:
    past = Past()
    past.publish("1.1", 0)
    past.publish("1.0", 50)
    past.deployed("dev", "1.0", 10)
    past.deployed("dev", "1.1", 60)
    found = reproduced(past, catalog(*chain("dev"), services=[foo(order="published")]))
    assert (found.real, found.reproduced, found.extra, found.following) == (2, 1, 1, 1)
    assert [one.reason for one in found.deviations] == ["in another order"]
