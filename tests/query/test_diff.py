"""What one environment runs and another does not."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from deploydb.domain.model.catalog import Service as ConfiguredService
from tests.query.client import Service
from tests.scenario import NOON, Scenario, catalog

HOUR = timedelta(hours=1)


def seen(world: Scenario, environment: str, version: str, name: str = "foo") -> None:
    artifact = {"group": "com.example", "name": name, "version": version}
    world.tell("deployment.observed", service=name, environment=environment, artifact=artifact)
    world.evaluate()


def filled(world: Scenario) -> None:
    """dev runs 1.3, prod 1.0; 1.1 and 1.2 were published between; bar runs in dev alone."""
    services = [
        ConfiguredService(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",))
        for name in ("foo", "bar")
    ]
    world.catalog = catalog(*services)
    for minute, version in enumerate(("1.0", "1.1", "1.2", "1.3")):
        published = (NOON - HOUR + timedelta(minutes=minute)).isoformat()
        world.publish(version, time=published, artifact={"commit": f"{minute}" * 40})
    seen(world, "prod", "1.0")
    seen(world, "dev", "1.0")
    world.now += HOUR
    seen(world, "dev", "1.3")
    seen(world, "dev", "7.0", name="bar")


def differences(service: Service, query: str) -> list[tuple[str, str, list[str]]]:
    differences = service.get(f"/api/diff?{query}")["differences"]
    return [
        (one["service"], one["relation"], [release["version"] for release in one["between"]]) for one in differences
    ]


def test_who_is_behind_and_by_what(world: Scenario, service: Service) -> None:
    filled(world)
    assert differences(service, "from=dev&to=prod") == [
        ("bar", "missing", []),
        ("foo", "behind", ["1.3", "1.2", "1.1"]),
    ]
    assert differences(service, "from=prod&to=dev") == [("bar", "extra", []), ("foo", "ahead", ["1.3", "1.2", "1.1"])]
    assert differences(service, "from=dev&to=dev&service=foo") == [("foo", "same", [])]


def test_the_whole_answer(world: Scenario, service: Service) -> None:
    filled(world)
    body: dict[str, Any] = service.get("/api/diff?from=dev&to=prod&service=foo")
    (foo,) = body.pop("differences")
    assert body == {"from": "dev", "to": "prod", "at": None, "differing": 1, "compared": 1, "more": False}
    assert foo["from"] == {
        "version": "1.3",
        "since": "2026-11-22T13:00:00+00:00",
        "deployment": foo["from"]["deployment"],
        "status": "COMPLETED",
    }
    assert foo["to"]["version"] == "1.0"
    assert foo["between"][0] == {"version": "1.3", "commit": "3" * 40, "publishedAt": "2026-11-22T11:03:00+00:00"}
    assert foo["more"] is False


def test_pages_have_those_that_differ_first_and_a_number_of_all(world: Scenario, service: Service) -> None:
    names = [f"s{number}" for number in range(5)]
    world.catalog = catalog(
        *(ConfiguredService(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",)) for name in names)
    )
    for name in names:
        seen(world, "dev", "2.0", name=name)
        seen(world, "prod", "2.0" if name in ("s0", "s3") else "1.0", name=name)
    all_of_them = [one["service"] for one in service.get("/api/diff?from=dev&to=prod")["differences"]]
    assert all_of_them == ["s1", "s2", "s4", "s0", "s3"]
    pages = [service.get(f"/api/diff?from=dev&to=prod&perPageSize=2&pageNumber={number}") for number in range(3)]
    assert [one["service"] for page in pages for one in page["differences"]] == all_of_them
    assert [page["more"] for page in pages] == [True, True, False]
    assert {(page["differing"], page["compared"]) for page in pages} == {(3, 5)}
    assert service.refusal("/api/diff?from=dev&to=prod&perPageSize=2&pageNumber=3")[0] == 404
    page = service.ask("/diff?from=dev&to=prod&perPageSize=2", accept="text/html").text
    assert "<b>3 of 5</b> differ, 2 are on this page." in page
    assert 'href="?from=dev&amp;to=prod&amp;perPageSize=2&amp;pageNumber=1" rel="next">More<' in page
    assert "Between, newest first" not in page  # nothing on it has any


def test_a_side_without_a_version_names_its_environment(world: Scenario, service: Service) -> None:
    filled(world)
    page = service.ask("/diff?from=prod&to=dev", accept="text/html").text
    assert '<span class="where">prod</span><span class="muted">nothing</span>' in page
    assert "only in dev" in page


def test_of_a_time_in_the_past(world: Scenario, service: Service) -> None:
    filled(world)
    assert differences(service, f"from=dev&to=prod&at={quote(NOON.isoformat())}") == [("foo", "same", [])]


def test_where_versions_are_ordered_the_higher_one_is_newer(world: Scenario, service: Service) -> None:
    world.catalog = catalog(
        ConfiguredService(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), order="version")
    )
    for minute, version in enumerate(("2.0", "1.9", "1.10")):
        world.publish(version, time=(NOON - HOUR + timedelta(minutes=minute)).isoformat())
    seen(world, "dev", "2.0")
    seen(world, "prod", "1.10")
    assert differences(service, "from=dev&to=prod") == [("foo", "behind", [])]


def test_what_is_missing_or_unknown_is_named(service: Service) -> None:
    assert service.refusal("/api/diff?from=dev") == (
        400,
        "to is missing: name the two environments, such as ?from=staging&to=prod",
    )
    assert service.refusal("/api/diff?from=dev&to=prd") == (404, "there is no environment prd; did you mean prod?")
    assert service.refusal("/api/diff?from=dev&to=prod&service=fo")[0] == 404
