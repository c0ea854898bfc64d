"""The gateway and the query service on one address: each request is answered by the one whose it is."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from tests.query.client import Service
from tests.scenario import Scenario
from workers.web import joined


@pytest.fixture
def client(sqlite_url: str) -> TestClient:
    """The query service beside a gateway that answers everything."""
    with Scenario(sqlite_url) as world, Service(world) as service:
        return TestClient(joined(service.app, PlainTextResponse("the gateway")), base_url="http://localhost")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/artifacts"),
        ("PATCH", "/api/deployments/1"),
        ("POST", "/api/deployments/1/promotions"),
        ("POST", "/api/promotions"),
        ("POST", "/events"),
        ("POST", "/hooks/github"),
        ("GET", "/hooks/github"),
        ("POST", "/tasks/configReload"),
        ("DELETE", "/api/sessions/current"),
    ],
)
def test_what_is_written_is_for_the_gateway(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path).text == "the gateway"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/promotions/smoke", "GET, HEAD"),
        ("PATCH", "/api/promotions", "GET, HEAD, POST"),
        ("PATCH", "/api/deployments/latest", "GET, HEAD"),
        ("POST", "/api/deployments/by-service/promotions", "GET, HEAD"),
        ("POST", "/api/deployments/by-artifact/promotions", "GET, HEAD"),
        ("DELETE", "/api/deployments/1", "GET, HEAD, PATCH"),
        ("PUT", "/api/artifacts", "GET, HEAD, POST"),
        ("GET", "/api/rollbacks", "POST"),
    ],
)
def test_a_method_that_neither_takes_is_405_with_what_both_allow(
    client: TestClient, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
