"""What a text means: for suggestions, and as a page."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from deploydb.domain.model.service_metadata import ServiceMetadata
from tests.query.client import Service
from tests.scenario import Scenario, catalog

FOO = catalog().services["foo"]
ODD = "<i>odd"
PURL = f"pkg:maven/com.example/foo@1.1?vcs_url={'x' * 300}"
COMMIT, OTHER = "9fceb02d" * 5, "9fce0000" * 5
BROWSER = {"accept": "text/html"}


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """foo 1.0-A runs in dev and prod, 1.1 in dev; foot and bar run nothing."""
    services = [
        replace(FOO, promotions=()),
        replace(FOO, ident="foot", artifacts=("com.example:foot",), metadata=ServiceMetadata(team="Feet")),
        replace(FOO, ident="barfoo", artifacts=()),
        replace(FOO, ident=ODD, artifacts=()),
    ]
    with Scenario(database_url, catalog(*services)) as world:
        world.publish("1.0-A", artifact={"commit": COMMIT, "digest": f"sha256:{'7' * 64}"})
        world.evaluate()
        world.deploy()
        world.deploy()
        world.evaluate(minutes=1)
        world.publish("1.1", artifact={"commit": OTHER, "purl": PURL})
        world.evaluate(minutes=1)
        world.commands()
        yield world


def hits(service: Service, text: str) -> list[tuple[str, str]]:
    return [(one["kind"], one["name"]) for one in service.get(f"/api/search?q={quote(text)}")["hits"]]


def addresses(service: Service, text: str) -> dict[str, str]:
    found: list[dict[str, Any]] = service.get(f"/api/search?q={quote(text)}")["hits"]
    return {one["name"]: one["address"] for one in found}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("foo", [("service", "foo"), ("service", "foot"), ("service", "barfoo")]),
        ("FOOT", [("service", "foot")]),
        ("pro", [("environment", "prod")]),
        ("1.0", [("version", "1.0-A")]),
        ("1.0-A", [("version", "1.0-A")]),
        ("1.0-a", [("version", "1.0-A")]),
        ("1.1", [("version", "1.1")]),
        ("%", []),
        ("1.0_A", []),
        (COMMIT, [("commit", COMMIT)]),
        (COMMIT[:12].upper(), [("commit", COMMIT)]),
        (COMMIT[:6], [("commit", COMMIT)]),
        ("9fce", [("commit", OTHER), ("commit", COMMIT)]),
        ("9fc", []),
        (f"sha256:{'7' * 64}", [("version", "1.0-A")]),
        ("com.example:foo:1.1", [("version", "1.1")]),
        (PURL, [("version", "1.1")]),
        ("foo 1.0", [("version", "1.0-A")]),
        ("FOO 1.0-A", [("version", "1.0-A")]),
        ("foo pr", [("lane", "foo in prod"), ("lane", "foot in prod"), ("lane", "barfoo in prod")]),
        ("promote foot prod", [("act", "Promote foot in prod")]),
        ("roll foot", [("act", "Roll back foot in dev"), ("act", "Roll back foot in prod")]),
        ("<", [("service", ODD)]),
        ("", []),
        ("   ", []),
    ],
)
def test_a_text_means_names_versions_commits_and_acts(
    world: Scenario, service: Service, text: str, found: list[tuple[str, str]]
) -> None:
    assert hits(service, text) == found


def test_each_hit_leads_to_a_page(world: Scenario, service: Service) -> None:
    for text in ("foo", "prod", "1.0", "9fce", "foo prod", "promote foo prod", "<"):
        found = addresses(service, text)
        assert found
        for address in found.values():
            assert service.ask(address, **BROWSER).status_code == 200, address


def test_a_commit_comes_with_the_lanes_that_run_it(world: Scenario, service: Service) -> None:
    (one,) = service.get(f"/api/search?q={COMMIT[:8]}")["hits"]
    assert one["about"] == "com.example:foo 1.0-A: foo in dev, foo in prod"
    assert one["address"] == f"/where?what={COMMIT}"


def test_where_nothing_has_the_text_there_are_the_nearest_names(world: Scenario, service: Service) -> None:
    found = service.get("/api/search?q=barfo0")
    assert (found["hits"], [one["name"] for one in found["nearest"]][:1]) == ([], ["barfoo"])
    page = service.ask("/search?q=barfo0", **BROWSER).text
    assert "Names like it" in page
    assert 'href="/services/barfoo"' in page


def test_the_page_lists_the_hits_and_takes_another_text(world: Scenario, service: Service) -> None:
    page = service.ask("/search?q=%3Ci%3E", **BROWSER).text
    assert "&lt;i&gt;odd" in page
    assert "<i>" not in page
    assert 'action="/search"' in page
    assert service.ask("/search", **BROWSER).status_code == 200
    assert "<code>deploydb search foo</code>" in service.ask("/search?q=foo", **BROWSER).text


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"q={'x' * 2001}", "q has 2001 characters, at most 2000 are taken"),
        ("q=%00", "q has a NUL character"),
        ("q=a&q=b", "q is given more than once: a, b"),
    ],
)
def test_a_text_that_cannot_be_looked_for_is_refused(service: Service, query: str, message: str) -> None:
    assert service.refusal(f"/api/search?{query}") == (400, message)
    assert service.ask(f"/search?{query}", **BROWSER).status_code == 400


def test_an_answer_is_small_however_many_names_there_are(world: Scenario, service: Service) -> None:
    world.catalog = catalog(*(replace(FOO, ident=f"service-{number}", artifacts=()) for number in range(3000)))
    assert len(hits(service, "service")) == 8
    assert [one["name"] for one in service.get("/api/search?q=servise-1999")["nearest"]]


def test_a_version_of_few_digits_is_no_commit_that_begins_so(world: Scenario, service: Service) -> None:
    world.publish("9", artifact={"commit": COMMIT})
    world.evaluate(minutes=2)
    assert hits(service, "9") == [("version", "9")]


def test_of_each_lane_it_is_known_whether_something_runs_there(
    world: Scenario, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploydb.store.queries.search.MOST", 1)
    assert {addresses(service, f"foo {stage}")[f"foo in {stage}"] for stage in ("dev", "prod")} == {
        "/why/foo/dev",
        "/why/foo/prod",
    }
