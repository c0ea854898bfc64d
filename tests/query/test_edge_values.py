"""Every route with every parameter at its edges: an answer, or a refusal that names the parameter."""

import re
from collections.abc import Iterator
from random import Random
from urllib.parse import quote

import pytest

from tests.query.client import Service
from tests.query.routes import NEEDED, addresses, parameters_of
from tests.scenario import Scenario

ANY = "text/html, */*"
TIMES = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00Z", "0001-12-31T23:59:59-23:59",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999999-23:59", "1969-12-31T23:59:59Z",
    "1582-10-10T00:00:00Z", "2026-02-29T12:00:00Z", "2024-02-29T12:00:00Z", "2026-11-22T24:00:00Z",
    "2026-11-22T12:00:00", "2026-11-22", "20261122T120000Z", "2026-W47-7T12:00:00Z", "2026-11-22T12:00:00+99:99",
    "2026-11-22T12:00:00+23:59:59.999999", "2026-11-22T11:00:00.123456789Z", "now", "10000-01-01T00:00:00Z", "-1",
)  # fmt: skip
NUMBERS = (
    "0", "1", "-1", "-0", "+1", "1.5", "1e3", "9" * 18, str(2**31), str(2**63 - 1), str(2**63), str(2**64), "9" * 400,
    "0" * 300 + "1", "0x10", "\u0661", "NaN", "true", "1_000",
)  # fmt: skip
DURATIONS = ("9999999d", "-1d", "0h", "99999999999h", "1d12h", "P1D", "12", "h", "366d", "52w")
TEXTS = (
    "%00", "a%00b", "%ff", "%ed%a0%80", "%c0%af", "%", "%zz", "%F0%9F%92%A9", "%e2%80%ae", "%1b[2J", "..", "%2e%2e%2f",
    "a" * 5000, "%27", "%22", "%3Cscript%3E", "{{7*7}}", "%25s", "*", "%0d%0a", "%20", "%C2%85", ":", ",", "a%2Fb",
)  # fmt: skip
OF_KIND = {
    "moment": tuple(map(quote, TIMES)),
    "number": tuple(map(quote, NUMBERS)),
    "text": (*map(quote, DURATIONS), *TEXTS),
}


@pytest.fixture(scope="module")
def service(shared_url: str) -> Iterator[Service]:
    with Scenario(shared_url) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.evaluate(minutes=1)
        with Service(world) as service:
            yield service


def answers(service: Service, address: str, *named: str) -> list[str]:
    """What is wrong with the answer: a page where there is one."""
    answer = service.ask(address, accept=ANY)
    if answer.status_code >= 500:
        return [f"{address}: {answer.status_code}"]
    if answer.status_code == 400 and not any(name in answer.text for name in named):
        return [f"{address}: names none of {named}: {answer.text[-300:]}"]
    return []


def test_every_parameter_of_every_route(service: Service) -> None:
    found: list[str] = []
    seen: set[str] = set()
    random = Random(13)
    for path, address in addresses(service.app):
        if path in seen:
            continue
        seen.add(path)
        for parameter in parameters_of(path):
            others = "&".join(part for part in NEEDED.get(path, "").split("&") if not part.startswith(parameter.name))
            wrong = random.sample([value for values in OF_KIND.values() for value in values], 5)
            for value in (*OF_KIND[parameter.kind], *wrong):
                asked = f"{address.partition('?')[0]}?{parameter.name}={value}&{others}".rstrip("&")
                found += answers(service, asked, parameter.name, "pages by number")
            twice = f"{address.partition('?')[0]}?{parameter.name}=1&{parameter.name}=2026-11-22T12:00:00Z&{others}"
            found += answers(service, twice, parameter.name, "pages by number")
    assert not found, "\n".join(found[:20])


def test_every_name_in_every_path(service: Service) -> None:
    found: list[str] = []
    for route in service.app.routes:
        path = route.path  # type: ignore[attr-defined]
        for part in re.findall(r"\{(\w+)(?::\w+)?\}", path):
            for value in (*map(quote, NUMBERS), *TEXTS):
                address = re.sub(r"\{" + part + r"(:\w+)?\}", lambda _, value=value: value, path)
                address = re.sub(r"\{\w+(:\w+)?\}", "1", address)
                if path in NEEDED:
                    address += f"?{NEEDED[path]}"
                found += answers(service, address, "id", part, "version")
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("path", ["/api/events", "/api/events.jsonl", "/api/events.csv", "/audit", "/audit.json"])
def test_a_plus_sign_that_is_not_encoded_is_named(service: Service, path: str) -> None:
    answer = service.ask(f"{path}?since=2026-11-20T12:00:00+01:00", accept=ANY)
    assert answer.status_code == 400
    assert "since=2026-11-20T12:00:00 01:00" in answer.text
    assert "%2B" in answer.text
    assert service.ask(f"{path}?since=2026-11-20T12:00:00%2B01:00", accept=ANY).status_code == 200
