"""One commit in all services, and all that is known of one artifact."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.domain.model.catalog import Service as Configured
from tests.query.client import Service
from tests.scenario import Scenario, catalog

COMMIT, DIGEST = "4f9c1d2" + "0" * 33, f"sha256:{'7' * 64}"
SERVICES = [
    Configured(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",), promotions=("smoke",))
    for name in ("web", "api")
]


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    """One commit, published as web 1.0 and api 2.0: both run in dev, and wait for prod."""
    with Scenario(database_url, catalog(*SERVICES)) as world, Service(world) as service:
        for name, version in (("web", "1.0"), ("api", "2.0")):
            world.publish(version, name=name, artifact={"commit": COMMIT, "digest": DIGEST, "author": "ann"})
        for digest in (DIGEST, f"sha256:{'8' * 64}"):
            file = {"group": "com.example", "name": "web", "version": "1.0", "digest": digest}
            world.tell("artifact.attested", artifact=file, signer="cosign@example.com", kind="signature")
        world.evaluate(minutes=1)
        world.deploy()
        yield service


def test_the_page_of_a_commit_has_all_services_at_a_glance(service: Service) -> None:
    page = service.ask(f"/where?what={COMMIT[:7]}").text
    grid = page.partition('aria-label="Services and environments"')[2].partition("</table>")[0]
    assert grid.index('<th scope="col">dev</th>') < grid.index('<th scope="col">prod</th>')
    assert [grid.count(text) for text in ("/services/api", "/services/web", "</svg>runs", "</svg>coming")] == [
        1,
        1,
        2,
        2,
    ]
    assert "Services and environments" not in service.ask("/where?what=com.example:web:1.0").text


def test_an_artifact_has_its_places_and_who_vouches_for_it(service: Service) -> None:
    body = service.get("/artifacts/1.json")
    assert [(one["environment"], one["state"]) for one in body["places"]] == [("dev", "runs"), ("prod", "coming")]
    assert [(one["signer"], one["kind"], one["counts"]) for one in body["attestations"]] == [
        ("cosign@example.com", "signature", True),
        ("cosign@example.com", "signature", False),
    ]
    page = service.ask("/artifacts/1").text
    assert "Where it runs and ran" in page
    assert "of another file: <code>sha256:8888" in page
    assert f'<a href="/where?what={COMMIT}">in all services</a>' in page
    assert service.get("/artifacts/2.json")["attestations"] == []


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_a_version_that_is_not_among_the_newest_stands_with_those_beside_it(service: Service) -> None:
    for number in range(1, 26):
        service.world.publish(f"1.{number}", name="web")
    old = service.get("/artifacts/1.json")
    assert [one["version"] for one in old["versions"]] == [f"1.{number}" for number in range(25, 5, -1)]
    assert [one["version"] for one in old["around"]] == ["1.3", "1.2", "1.1", "1.0"]
    assert old["versionCount"] == 26
    page = _text(service.ask("/artifacts/1").text)
    assert "The 20 newest of 26, then those beside this one; all as JSON ." in page
    assert re.search(r"1\.6 [^.]* … 1\.3 .* 1\.0 \(this one\)", page)
    new = service.get("/artifacts/27.json")
    assert (new["version"], new["around"]) == ("1.25", [])


def test_a_timeline_without_a_change_says_so(service: Service) -> None:
    note = "No change in this time: each version has run through all of it."
    assert note not in service.ask("/services/web").text
    service.world.now += timedelta(days=40)
    assert note in service.ask("/services/web").text
    assert note not in service.ask("/services/web?days=90").text


def test_a_version_that_ran_has_from_when_to_when_and_no_column_is_empty(service: Service) -> None:
    assert "Runs there instead" not in _text(service.ask("/artifacts/1").text)
    lane = {"service": "web", "environment": "dev", "version": "1.0"}
    service.world.tell("verification.finished", **lane, promotion="smoke", outcome="passed")
    service.world.publish("1.1", name="web")
    service.world.evaluate(hours=24)
    service.world.deploy()
    service.world.evaluate(hours=48)
    page = _text(service.ask("/artifacts/1").text)
    assert "dev ran from 3d to 2d ago runs there instead 1.1 , newer" in page
    assert "There?" not in page
    assert "prod runs for 2d" in page
