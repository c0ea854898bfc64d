"""The slider of `/status`: a tick a deployment."""

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import unquote, urlencode

from tests.query.client import Service
from tests.query.test_status_of_the_past import seen
from tests.scenario import NOON, Scenario

HOUR = timedelta(hours=1)


class Shown:
    """The slider of a page: `ticks` are texts and addresses."""

    def __init__(self, service: Service, /, **asked: str | datetime) -> None:
        given = {name: value if isinstance(value, str) else value.isoformat() for name, value in asked.items()}
        answer = service.ask(f"/status?{urlencode(given)}", accept="text/html")
        assert answer.status_code == 200, answer.text
        page = answer.text
        options = re.findall(r'<option value="\d+" label="([^"]+)" data-href="([^"]+)"', page)
        self.ticks = [(unescape(text), _address(address)) for text, address in options]
        (self.chosen,) = map(int, re.findall(r' max="\d+" value="(\d+)"', page))
        self.previous, self.next = (_beside(page, rel) for rel in ("prev", "next"))
        self.rows = re.findall(r'<a href="/services/(\w+)">', page)


def _address(found: str) -> str:
    return unquote(unescape(found))


def _beside(page: str, rel: str) -> str | None:
    return next(map(_address, re.findall(rf'href="([^"]+)" rel="{rel}"', page)), None)


def observe(world: Scenario, version: str, *names: str, when: Any = None) -> None:
    for name in names:
        world.tell("deployment.observed", service=name, environment="dev", **seen(version, when or world.now))
    world.evaluate()


def deployed_hourly(world: Scenario) -> None:
    """1.0 at noon, 1.1 at one, 1.2 at two, 1.3 at three; it is four."""
    for number in range(4):
        observe(world, f"1.{number}", "foo")
        world.now += HOUR


def test_the_slider_has_the_deployments_around_a_time(world: Scenario, service: Service) -> None:
    deployed_hourly(world)
    slider = Shown(service, at=NOON + 1.5 * HOUR)
    assert slider.ticks[1:3] == [
        ("foo 1.1 in dev, 2026-11-22 13:00:00 UTC", "/status?at=2026-11-22T13:00:00Z"),
        ("foo 1.2 in dev, 2026-11-22 14:00:00 UTC", "/status?at=2026-11-22T14:00:00Z"),
    ]
    assert (len(slider.ticks), slider.ticks[-1]) == (5, ("now", "/status"))
    assert slider.chosen == 1
    assert slider.previous == "/status?at=2026-11-22T13:00:00Z"
    assert slider.next == "/status?at=2026-11-22T14:00:00Z"
    of_it = Shown(service, service="foo", environment="dev")
    assert (len(of_it.ticks), of_it.chosen) == (5, 4)


def test_the_way_back_leads_past_a_second_with_many_deployments(world: Scenario, service: Service) -> None:
    observe(world, "0.1", "old", when=NOON - HOUR)
    observe(world, "1.0", *(f"s{number:02}" for number in range(45)), when=NOON)
    world.now = NOON + HOUR
    many = ("s00 1.0 in dev, and others, 2026-11-22 12:00:00 UTC", "/status?at=2026-11-22T12:00:00Z")
    one = ("old 0.1 in dev, 2026-11-22 11:00:00 UTC", "/status?at=2026-11-22T11:00:00Z")
    slider = Shown(service)
    assert (slider.ticks, slider.previous) == ([one, many, ("now", "/status")], many[1])
    assert Shown(service, at=NOON).previous == one[1]
    assert Shown(service, at=NOON - HOUR).next == many[1]


def test_before_the_first_deployment_the_slider_names_none(world: Scenario, service: Service) -> None:
    deployed_hourly(world)
    slider = Shown(service, at=NOON - HOUR)
    assert slider.chosen == 0
    assert slider.ticks[0][0] == "before these deployments, 2026-11-22 11:00:00 UTC"
    assert slider.ticks[1][0] == "foo 1.0 in dev, 2026-11-22 12:00:00 UTC"
    assert (slider.previous, slider.next) == (None, "/status?at=2026-11-22T12:00:00Z")


def test_the_slider_has_the_deployments_that_were_known(world: Scenario, service: Service) -> None:
    deployed_hourly(world)
    known = "known_at=2026-11-22T13:30:00+00:00"
    slider = Shown(service, known_at=NOON + 1.5 * HOUR)
    assert [address for _, address in slider.ticks] == [
        f"/status?at=2026-11-22T12:00:00Z&{known}",
        f"/status?at=2026-11-22T13:00:00Z&{known}",
        "/status",
    ]
    assert (slider.chosen, slider.next) == (1, None)


def test_the_slider_has_the_deployments_of_the_services_that_are_found(world: Scenario, service: Service) -> None:
    observe(world, "1.0", "foo", "bar")
    for number in range(3):
        world.now += HOUR
        observe(world, f"1.{number}", "bar")
    slider = Shown(service, match="foo")
    assert slider.rows == ["foo"]
    assert [text for text, _ in slider.ticks] == ["foo 1.0 in dev, 2026-11-22 12:00:00 UTC", "now"]
    assert len(Shown(service, match="nothing").ticks) == len(Shown(service).ticks) > 2


def test_the_slider_says_that_its_steps_are_of_every_state(world: Scenario, service: Service) -> None:
    deployed_hourly(world)
    note = "steps: deployments in every state, not only "
    for show in ("trouble", "waiting"):
        assert f"{note}{show}" in service.ask(f"/status?show={show}", accept="text/html").text
        assert Shown(service, show=show).ticks[:-1] == [
            (text, f"{address}&show={show}") for text, address in Shown(service).ticks[:-1]
        ]
    assert note not in service.ask("/status", accept="text/html").text


def test_a_tick_of_the_first_year_has_an_address(world: Scenario, service: Service) -> None:
    observe(world, "1.0", "foo", when=datetime.fromisoformat("0001-01-01T00:00:00+00:00"))
    slider = Shown(service)
    assert slider.ticks[0] == (
        "foo 1.0 in dev, 0001-01-01 00:00:00 UTC",
        "/status?at=0001-01-01T00:00:00Z",
    )
    assert Shown(service, at="0001-01-01T00:00:00Z").chosen == 0
