"""Why a version is blocked: its failures and freezes, and the changes that would release it."""

from datetime import time, timedelta

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.calendar.window import Window
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.gates.window import WindowPromotion
from deploydb.domain.model.catalog import Catalog, Stage
from deploydb.domain.model.running import KnownGood
from deploydb.store import known_good
from tests.query.client import Service
from tests.query.why_steps import STAGES, answer, smoke, to_prod, to_staging
from tests.query.why_steps import world as world
from tests.scenario import Scenario, catalog

SRE = ManualPromotion(ident="go", groups=("sre",))
OFFICE = WindowPromotion(ident="office-hours", zone="UTC", allow=(Window(days=(1,), start=time(9), end=time(17)),))


def test_the_smallest_set_that_would_release_it_and_when(world: Scenario, service: Service) -> None:
    world.catalog = catalog(
        stages=STAGES,
        promotions=(SRE, OFFICE),
        entry={"prod": ("office-hours",)},
        groups={"sre": frozenset({"bob"})},
    )
    to_staging(world)
    smoke(world, 2)
    world.evaluate(minutes=30)
    answer = service.get("/api/why/foo/prod")["releasing"]
    assert answer["sentence"] == (
        "needs one approval of sre, and 1h30m of soak: earliest 09:00 Tuesday 24 Nov (UTC), when office-hours opens"
    )
    assert answer["earliest"] == "2026-11-24T09:00:00+00:00"
    assert [(need["kind"], need["environment"], need["promotion"], need["earliest"]) for need in answer["needs"]] == [
        ("approval", "staging", "go", None),
        ("time", "staging", "soak", "2026-11-22T14:00:00+00:00"),
        ("window", "prod", "office-hours", "2026-11-24T09:00:00+00:00"),
    ]
    world.tell("approval.given", deployment=2, promotion="go", by="bob")
    world.evaluate(hours=2)
    answer = service.get("/api/why/foo/prod")["releasing"]
    assert answer["sentence"] == "needs office-hours to open: earliest 09:00 Tuesday 24 Nov (UTC)"


def test_what_is_there_has_nothing_to_be_released(world: Scenario, service: Service) -> None:
    to_prod(world)
    assert service.get("/api/why/foo/prod")["releasing"] is None


def test_what_was_skipped_says_what_to_do_instead(world: Scenario, service: Service) -> None:
    world.publish("1.4.0")
    world.evaluate()
    world.evaluate(hours=1)
    answer = service.get("/api/why/foo/prod")["releasing"]
    assert answer == {
        "sentence": "nothing releases it: publish a newer version than 1.4.0: in prod it was skipped: "
        "failed in dev: did not start by its deadline 2026-11-22 13:00:00 UTC",
        "possible": False,
        "earliest": None,
        "needs": [],
    }


def test_what_a_newer_version_went_past_says_so_and_offers_no_further_attempt(
    world: Scenario, service: Service
) -> None:
    world.publish("1.4.0")
    to_prod(world, "1.5.0")
    for days in (0, 400):
        world.evaluate(hours=24 * days)
        answer = service.get("/api/why/foo/prod?version=1.4.0")
        assert "superseded by 1.5.0" in answer["answer"]
        assert answer["releasing"]["sentence"] == "nothing releases it: prod runs 1.5.0, which is newer"
    page = service.ask("/why/foo/prod?version=1.4.0", accept="text/html").text
    assert "Nothing releases it: prod runs 1.5.0, which is newer." in page


def rolled_back(world: Scenario) -> None:
    """1.5.0 failed its smoke test in dev, and 1.4.0 was put back."""
    world.catalog = catalog(stages=(Stage(environment="dev"),))
    world.catalog.services["foo"] = replace(world.catalog.services["foo"], failure_strategy="rollback")
    for version, outcome in (("1.4.0", "passed"), ("1.5.0", "failed")):
        world.publish(version)
        world.evaluate(minutes=1)
        (command,) = world.deploy()
        smoke(world, command.deployment, outcome)
    world.now += timedelta(minutes=1)
    world.deploy()


def test_a_failure_tells_what_followed_and_a_rollback_why(world: Scenario, service: Service) -> None:
    rolled_back(world)
    assert (
        answer(service, "dev")
        == "1.5.0 is not in dev: it failed there: smoke failed; rolled back to 1.4.0; dev runs 1.4.0"
    )
    assert answer(service, "dev", "1.4.0").startswith(
        "1.4.0 is in dev since 2026-11-22 12:03:00 UTC: rollback from 1.5.0: smoke failed"
    )


def test_a_freeze_is_a_gate_of_its_own_type(world: Scenario, service: Service) -> None:
    world.tell("hold.placed", kind="freeze", environment="dev", by="alice", reason="Black Friday")
    world.publish("1.4.0")
    world.evaluate()
    answer = service.get("/api/why/foo/dev")
    assert answer["answer"] == "1.4.0 is not in dev: at its door dev is frozen by alice: Black Friday"
    assert ("freeze", "Freeze") in [(gate["promotion"], gate["type"]) for gate in answer["stages"][0]["gates"]]
    assert answer["releasing"]["sentence"] == (
        "needs the freeze to be lifted (dev is frozen by alice: Black Friday): earliest at once"
    )


def test_what_succeeded_before_is_read_only_where_something_has_failed(
    world: Scenario, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def good_in(connection: sa.Connection, known: Catalog, name: str, environment: str) -> tuple[KnownGood, ...]:
        read.append(environment)
        return real(connection, known, name, environment)

    real = known_good.good_in
    monkeypatch.setattr(known_good, "good_in", good_in)
    world.catalog.services["foo"] = replace(world.catalog.services["foo"], failure_strategy="rollback")
    to_staging(world)
    assert service.get("/api/why/foo/staging")["releasing"]["needs"]
    assert read == []
    world.tell("verification.finished", deployment=2, promotion="smoke", outcome="failed")
    service.get("/api/why/foo/prod")
    assert read == ["staging"]
