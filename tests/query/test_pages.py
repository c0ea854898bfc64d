"""Pages: what is on each, where the last one ends, and what is no page."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from deploydb.store.tables import artifact
from tests.query.client import Service
from tests.scenario import Scenario


@pytest.fixture(scope="module")
def listed(shared_url: str) -> Iterator[Service]:
    """45 artifacts of one module, and 90 deployments."""
    with Scenario(shared_url) as world, Service(world) as service:
        for number in range(45):
            world.now = world.now.replace(minute=number)
            world.publish(f"1.{number}")
        world.evaluate()
        yield service


@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        ("", 1, 20),
        ("?pageNumber=0", 1, 20),
        ("?pageNumber=1", 21, 20),
        ("?pageNumber=4", 81, 10),
        ("?perPageSize=7&pageNumber=2", 15, 7),
        ("?perPageSize=100000", 1, 90),
        ("?pageNumber=00", 1, 20),
        ("?unknown=1&pageNumber=1", 21, 20),
        ("?pageNumber=1&pageNumber=2", 21, 20),
    ],
)
def test_a_page_of_deployments(listed: Service, query: str, first: int, count: int) -> None:
    answer = listed.get(f"/api/deployments{query}")
    assert [one["id"] for one in answer] == list(range(first, first + count))


def test_a_page_of_a_module(listed: Service) -> None:
    path = "/api/artifacts/by-module/com.example:foo"
    assert [one["version"] for one in listed.get(f"{path}?perPageSize=2")] == ["1.44", "1.43"]
    assert [one["version"] for one in listed.get(f"{path}?pageNumber=2")] == ["1.4", "1.3", "1.2", "1.1", "1.0"]
    assert listed.refusal(f"{path}?pageNumber=3") == (404, f"there is no page 3 of {path}: nothing is on it")


def test_all_versions_unless_a_page_is_asked_for(listed: Service) -> None:
    assert len(listed.get("/api/artifacts/1/versions")) == 45
    assert len(listed.get("/api/artifacts/1/versions?perPageSize=10&pageNumber=4")) == 5
    assert listed.refusal("/api/artifacts/1/versions?perPageSize=10&pageNumber=5")[0] == 404
    assert listed.refusal("/api/artifacts/1/deployments?pageNumber=1&perPageSize=9")[0] == 404


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("pageNumber=5", 404),
        ("pageNumber=9223372036854775807", 404),
        ("pageNumber=99999999999999999999", 404),
        (f"pageNumber={'9' * 5000}", 404),
        ("pageNumber=-1", 400),
        ("pageNumber=-1&perPageSize=0xdeadbeef", 400),
        ("pageNumber=x", 400),
        ("pageNumber=", 400),
        ("pageNumber=1.0", 400),
        ("pageNumber=%2B1", 400),
        ("perPageSize=-1", 400),
        ("perPageSize=0", 400),
        ("perPageSize=x", 400),
        ("perPageSize=", 400),
        ("perPageSize=%00", 400),
        ("perPageSize=%F0%9D%9F%8F", 400),
    ],
)
@pytest.mark.parametrize("path", ["/api/deployments", "/api/artifacts/by-module/com.example:foo"])
def test_no_such_page(listed: Service, path: str, query: str, code: int) -> None:
    assert listed.refusal(f"{path}?{query}")[0] == code


def test_no_page_is_larger_than_the_cap(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    (row,) = world.rows(artifact)
    copies = [
        {**row._mapping, "id": number, "version": f"1.{number}", "event_id": str(number)} for number in range(2, 1103)
    ]
    with world.engine.begin() as connection:
        connection.execute(sa.insert(artifact), copies)
    path = "/api/artifacts/by-module/com.example:foo"
    for query in ("perPageSize=5000", "perPageSize=1000"):
        assert len(service.get(f"{path}?{query}")) == 1000
    assert len(service.get(f"{path}?perPageSize=5000&pageNumber=1")) == 102
    assert len(service.get("/api/artifacts/1/versions?perPageSize=5000")) == 1000
    assert len(service.get("/api/artifacts/1/versions")) == 1102, "all of them, where no page is asked for"
