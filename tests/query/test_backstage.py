"""Services as entities of a Backstage catalog."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.model.service_metadata import ServiceMetadata
from tests.query.client import Service
from tests.scenario import Scenario, catalog

FOO = Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",))
METADATA = ServiceMetadata(
    repository="https://github.com/example/foo",
    team="Shop & Co",
    runbook="https://wiki.example.com/foo",
    labels={"tier": "gold", "cost center": "7"},
)


@pytest.fixture
def world(sqlite_url: str) -> Iterator[Scenario]:
    odd = replace(FOO, ident="a b")
    with Scenario(sqlite_url, catalog(replace(FOO, description="Sells.", metadata=METADATA), odd)) as world:
        yield world


@pytest.fixture
def service(world: Scenario) -> Iterator[Service]:
    with Service(world) as service:
        yield service


def test_a_location_leads_to_each_service(service: Service) -> None:
    location = service.get("/api/backstage")
    assert (location["apiVersion"], location["kind"]) == ("backstage.io/v1alpha1", "Location")
    assert location["spec"] == {"type": "url", "targets": ["./backstage/a%20b", "./backstage/foo"]}
    found = [service.get(f"/api/{target.removeprefix('./')}") for target in location["spec"]["targets"]]
    assert [(one["kind"], one["metadata"]["name"], one["metadata"]["title"]) for one in found] == [
        ("Component", "a-b", "a b"),
        ("Component", "foo", "foo"),
    ]


def test_a_component_has_the_team_the_labels_and_the_links(service: Service) -> None:
    component = service.get("/api/backstage/foo")
    assert component["spec"] == {"type": "service", "lifecycle": "production", "owner": "Shop-Co"}
    metadata = component["metadata"]
    assert metadata["labels"] == {"tier": "gold"}
    assert metadata["annotations"] == {
        "deploydb/service": "foo",
        "backstage.io/source-location": "url:https://github.com/example/foo/",
    }
    links = {one["title"]: one["url"] for one in metadata["links"]}
    assert links.pop("DeployDB").endswith("/services/foo")
    assert links == {"Repository": METADATA.repository, "Runbook": METADATA.runbook}
    assert service.get("/api/backstage/a%20b")["spec"]["owner"] == "unknown"
    assert service.refusal("/api/backstage/fo")[0] == 404
