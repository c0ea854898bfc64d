"""DORA of a service that was released, failed and recovered."""

import re
import threading
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.model.errors import Transient
from deploydb.store.queries.dora import ProductionHistory, production_history
from tests.query.client import Service
from tests.scenario import Scenario, catalog
from tests.workers.in_process import until

HOUR = timedelta(hours=1)


def through(world: Scenario, version: str, outcome: str = "succeeded") -> None:
    """Publish it, and an hour later have it in dev, and an hour later in prod, or not."""
    world.publish(version)
    world.evaluate()
    for result in ("succeeded", outcome):
        world.now += HOUR
        commands = world.deploy(result)
        if result == "succeeded":
            world.tell("verification.finished", deployment=commands[0].deployment, promotion="smoke", outcome="passed")
            world.evaluate()


@pytest.fixture
def figures(world: Scenario, service: Service) -> dict[str, Any]:
    """1.0 first, then 1.1 and 1.2, then 1.3 which fails and 1.4 which recovers."""
    world.catalog = catalog(
        stages=(Stage(environment="dev"), Stage(environment="prod", after=After(environments=("dev",))))
    )
    through(world, "1.0")
    world.publish("1.1")
    world.now += HOUR
    through(world, "1.2")
    through(world, "1.3", "failed")
    through(world, "1.4")
    body: dict[str, Any] = service.get("/api/dora?service=foo&window=7d")
    return body


def test_the_figures_are_those_that_one_reckons_by_hand(figures: dict[str, Any]) -> None:
    assert figures["environments"] == ["prod"]
    assert (figures["frequency"]["samples"], figures["frequency"]["value"]) == (3, 3 / 7)
    # 1.1 waited for 1.2 three hours; 1.2 took two; 1.3 came with 1.4, four hours after; 1.4 took two
    lead = figures["leadTime"]
    assert (lead["samples"], lead["p50"], lead["p90"]) == (4, 2 * 3600, 4 * 3600)
    assert [one["count"] for one in lead["excluded"]] == [1]
    assert (figures["failureRate"]["failed"], figures["failureRate"]["samples"]) == (1, 4)
    assert (figures["recovery"]["samples"], figures["recovery"]["p50"]) == (1, 2 * 3600)
    assert sum(day["deployments"] for day in figures["days"]) == 3
    assert all(figures[name]["definition"] for name in ("frequency", "leadTime", "failureRate", "recovery"))


def test_an_incident_is_one_of_the_version_that_it_names_and_a_rollback_is_no_failure(
    figures: dict[str, Any], world: Scenario, service: Service
) -> None:
    assert figures["failureRate"]["causes"] == {"deployment": 1, "verification": 0, "incident": 0}
    lane = {"service": "foo", "environment": "prod"}
    for _ in range(3):
        world.now += HOUR
        world.tell("incident.detected", **lane, incident="INC-1", version="1.2")
    world.tell("incident.resolved", **lane, incident="INC-1", version="1.4")
    world.tell("rollback.requested", **lane, by="alice", reason="slow")
    world.evaluate()
    world.now += HOUR
    world.deploy("failed")
    again = service.get("/api/dora?service=foo&window=7d")
    assert again["failureRate"]["causes"] == {"deployment": 1, "verification": 0, "incident": 1}
    assert (again["failureRate"]["failed"], again["failureRate"]["samples"]) == (2, 4)
    assert again["recovery"]["samples"] == 2
    assert sum(day["failures"] for day in again["days"]) == 2


def test_another_environment_may_count_as_production(figures: dict[str, Any], service: Service) -> None:
    assert figures
    of_dev = service.get("/api/dora?environment=dev&window=1w")
    assert (of_dev["environments"], of_dev["frequency"]["samples"]) == (["dev"], 4)


def test_a_window_that_is_none_is_refused(service: Service) -> None:
    assert service.refusal("/api/dora?window=soon")[0] == 400
    assert service.refusal("/api/dora?window=0d")[0] == 400
    assert service.refusal("/api/dora?service=bar")[0] == 404
    assert service.get("/api/dora?window=9999w")["since"] == "2025-11-21T12:00:00+00:00"


@pytest.fixture
def at_each_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploydb.query.dora_metrics.MEASURE_EVERY_SECONDS", 0.0)


def scraped(service: Service) -> dict[str, float]:
    """Those of DORA, as Prometheus reads them."""
    lines = service.ask("/metrics").text.splitlines()
    found = (line.rsplit(" ", 1) for line in lines if line.startswith("deploydb_dora_"))
    return {name.removeprefix("deploydb_dora_"): float(value) for name, value in found}


def samples(service: Service) -> dict[str, float]:
    """The same, once they are those of now."""

    def look() -> dict[str, float] | None:
        found = scraped(service)
        return found if found.pop("measured_timestamp_seconds", None) == service.world.now.timestamp() else None

    return until(look, "the figures of now")


def settled(service: Service) -> dict[str, float]:
    """Those of a scrape once no measurement runs that one before it has begun."""
    scraped(service)
    until(lambda: all(one.name != "DORA figures" for one in threading.enumerate()), "the end of a measurement")
    return scraped(service)


def test_metrics_of_a_service_are_the_figures_of_its_last_thirty_days(
    figures: dict[str, Any], world: Scenario, service: Service, at_each_scrape: None
) -> None:
    measured = samples(service)
    assert figures
    shown = service.get("/api/dora?service=foo&window=30d")
    assert measured == {
        'deployments_per_day{service="foo"}': shown["frequency"]["value"],
        'lead_time_seconds{percentile="50",service="foo"}': shown["leadTime"]["p50"],
        'lead_time_seconds{percentile="90",service="foo"}': shown["leadTime"]["p90"],
        'change_failure_ratio{service="foo"}': shown["failureRate"]["value"],
        'recovery_seconds{percentile="50",service="foo"}': shown["recovery"]["p50"],
        'recovery_seconds{percentile="90",service="foo"}': shown["recovery"]["p90"],
    }
    assert measured['deployments_per_day{service="foo"}'] == 3 / 30
    world.now += timedelta(days=31)
    assert samples(service) == {'deployments_per_day{service="foo"}': 0.0}
    world.now += HOUR
    world.catalog = catalog(Configured(ident="bar", artifacts=("com.example:bar",), pipelines=("main",)))
    assert list(samples(service)) == ['deployments_per_day{service="bar"}']


def test_the_history_is_read_once_in_five_minutes(figures: dict[str, Any], world: Scenario, service: Service) -> None:
    assert figures
    before = settled(service)
    assert 'deployments_per_day{service="foo"}' in before
    world.now += timedelta(days=31)
    assert settled(service) == before


def test_a_scrape_does_not_wait_for_the_history_which_is_read_by_some_services_at_a_time(
    embedded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, read = threading.Event(), list[Collection[str]]()

    def slowly(*given: Any) -> ProductionHistory:
        assert answered.wait(60)
        read.append(given[-1])
        return production_history(*given)

    monkeypatch.setattr("deploydb.query.dora_metrics.production_history", slowly)
    monkeypatch.setattr("deploydb.query.dora_metrics.SERVICES_AT_ONCE", 2)
    services = [Configured(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",)) for name in "abc"]
    embedded.world.catalog = catalog(*services)
    assert scraped(embedded) == {}
    answered.set()
    assert list(samples(embedded)) == [f'deployments_per_day{{service="{name}"}}' for name in "abc"]
    assert read == [{"a", "b"}, {"c"}]


def test_figures_that_could_not_be_measured_are_measured_soon(
    embedded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> ProductionHistory:
        raise Transient("away")

    monkeypatch.setattr("deploydb.query.dora_metrics.RETRY_AFTER_SECONDS", 0.0)
    with monkeypatch.context() as failing:
        failing.setattr("deploydb.query.dora_metrics.production_history", away)
        assert settled(embedded) == {}
    assert samples(embedded) == {'deployments_per_day{service="foo"}': 0.0}


def test_the_page_compares_with_the_period_before_and_every_part_is_what_the_command_says_of_it(
    figures: dict[str, Any], world: Scenario, service: Service
) -> None:
    assert sum(bucket["count"] for bucket in figures["leadTime"]["distribution"]) == figures["leadTime"]["samples"]
    assert [(bucket["to"], bucket["count"]) for bucket in figures["leadTime"]["distribution"][:2]] == [
        (HOUR.total_seconds(), 0),
        (4 * HOUR.total_seconds(), 4),
    ]
    begun = world.now
    world.now = begun + timedelta(days=7)
    through(world, "1.5")
    page = service.ask("/dora?window=7d&service=foo", accept="text/html").text
    assert "↓ down from 0.43 a day in the period before, of few samples" in page
    assert "worse" not in page
    assert "The lines as a table" in page
    everything = service.ask("/dora?window=14d", accept="text/html").text
    assert 'href="/dora?service=foo&amp;window=14d"' in everything


def test_a_difference_of_a_tenth_is_none_and_the_uncounted_is_named(embedded: Service) -> None:
    world = embedded.world
    world.catalog = catalog(stages=(Stage(environment="prod"),))
    seen = {"group": "com.example", "name": "foo", "version": "0.9"}
    world.tell("deployment.observed", service="foo", environment="prod", artifact=seen)
    world.evaluate()
    page = embedded.ask("/dora?window=7d", accept="text/html").text
    assert "No deployment of a release came to production in this time. Not counted: 1 observed there, not depl" in page
    assert "nothing to compare with" not in page
    assert "<svg" not in page.partition("<main")[2].partition("</main")[0]
    for number in range(21):
        world.now += timedelta(hours=12 if number else 1)
        world.publish(f"1.{number}")
        world.evaluate()
        (command,) = world.deploy()
        report = {"deployment": command.deployment, "promotion": "smoke", "outcome": "passed"}
        world.tell("verification.finished", **report)
        world.evaluate()
    world.now += timedelta(hours=1)
    page = embedded.ask("/dora?window=126h", accept="text/html").text
    assert "→ much the same as 1.90 a day in the period before" in page
    world.now += timedelta(hours=120)
    assert (
        "↓ down from 1.90 a day in the period before: worse"
        in embedded.ask("/dora?window=126h", accept="text/html").text
    )
    assert "median of <b>11</b>; one in ten took longer than 0s" in page


def test_services_are_ranked_by_each_measure_with_those_that_have_none_last(
    figures: dict[str, Any], world: Scenario, service: Service
) -> None:
    assert figures["failureRate"]["value"] == 0.25
    services = [
        Configured(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",)) for name in ("foo", "bar")
    ]
    world.catalog = catalog(*services, stages=world.catalog.pipelines["main"].stages)
    world.publish("1.0", name="bar")
    world.evaluate()
    for _ in range(2):
        world.now += timedelta(minutes=1)
        world.deploy()

    def ranked(query: str = "") -> list[str]:
        page = service.ask(f"/dora?window=7d{query}", accept="text/html").text
        return re.findall(r'<th scope="row"><a href="/dora\?service=(\w+)', page)

    assert ranked() == ranked("&sort=deployments") == ranked("&sort=frequency") == ["foo", "bar"]
    assert ranked("&sort=failureRate") == ["bar", "foo"]
    assert ranked("&sort=leadTime") == ranked("&sort=recovery") == ["foo", "bar"]
    assert service.refusal("/dora?sort=nope")[0] == 400


def test_a_part_of_a_past_is_the_past_of_that_part(world: Scenario, figures: dict[str, Any]) -> None:
    with world.engine.connect() as connection:
        long, short = (
            production_history(connection, {("foo", "prod")}, world.now - timedelta(hours=hours), world.now)
            for hours in (100, 5)
        )
    assert figures["service"] == "foo"
    assert long.between(short.since, short.until).figures() == short.figures()
