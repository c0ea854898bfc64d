"""Lists that clients of later releases of v1 read: ascending, in pages."""

from typing import Any

import pytest

from tests.query.client import Service
from tests.scenario import Scenario


@pytest.fixture
def filled(world: Scenario, service: Service) -> Service:
    """foo 1.0 and 1.1, each in dev and prod, and other 7.0 in no service."""
    for version in ("1.0", "1.1"):
        world.publish(version)
        world.evaluate()
    world.publish("7.0", name="Other_1.1%")
    world.evaluate()
    return service


def ids(answer: list[dict[str, Any]]) -> list[int]:
    return [one["id"] for one in answer]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?query=1.1", [2, 3]),
        ("?query=foo", [1, 2]),
        ("?query=com.ex", [1, 2, 3]),
        ("?query=r_1", [3]),
        ("?query=%25", [3]),
        ("?query=", [1, 2, 3]),
        ("", [1, 2, 3]),
        ("?query=foo&perPageSize=1&pageNumber=1", [2]),
    ],
)
def test_artifacts_are_found_by_what_they_contain(filled: Service, query: str, found: list[int]) -> None:
    assert ids(filled.get(f"/api/artifacts{query}")) == found


def test_deployments_by_artifact_service_and_environment(filled: Service) -> None:
    first = filled.get("/api/deployments/by-artifact/1")
    assert first == filled.get("/api/artifacts/1/deployments")
    assert ids(filled.get("/api/deployments/by-service/foo")) == [1, 2, 3, 4]
    assert ids(filled.get("/api/deployments/by-service/foo?perPageSize=3&pageNumber=1")) == [4]
    assert ids(filled.get("/api/environments/prod/deployments")) == [2, 4]


def test_all_flows(filled: Service) -> None:
    assert filled.get("/api/flows") == [filled.get("/api/flows/1"), filled.get("/api/flows/2")]
    assert ids(filled.get("/api/flows?perPageSize=1&pageNumber=1")) == [2]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/artifacts?query=FOO", 404),
        ("/api/artifacts?pageNumber=9", 404),
        ("/api/artifacts?perPageSize=0", 400),
        ("/api/deployments/by-artifact/3", 404),
        ("/api/deployments/by-artifact/99", 404),
        ("/api/deployments/by-artifact/x", 400),
        ("/api/deployments/by-service/none", 404),
        ("/api/environments/none/deployments", 404),
        ("/api/environments/dev/deployments?pageNumber=1", 404),
        ("/api/flows?pageNumber=x", 400),
    ],
)
def test_a_page_with_nothing_on_it_is_404(filled: Service, path: str, code: int) -> None:
    assert filled.refusal(path)[0] == code
