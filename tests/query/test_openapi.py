"""The interface's document is what the code says, and the copy that people read is the same."""

import json
from pathlib import Path

from deploydb.http.orders import ORDERS
from deploydb.query.app import RESOURCES, interface
from tests.query.client import Service

COPY = Path(__file__).parents[2] / "deploy/openapi.json"


def test_the_copy_is_up_to_date() -> None:
    assert json.loads(COPY.read_text(encoding="utf-8")) == interface(), "run `make openapi`, and commit what changes"


def test_it_is_served_as_it_is(embedded: Service) -> None:
    assert embedded.get("/api/openapi.json") == interface()


def test_every_resource_has_its_body_and_its_parameters_described(embedded: Service) -> None:
    paths = interface()["paths"]
    assert len(paths) >= len(RESOURCES)
    for path, operations in paths.items():
        for operation in operations.values():
            assert operation["summary"], path
            for parameter in operation.get("parameters", ()):
                assert parameter["description"], (path, parameter)
    body = paths["/api/status"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/Status"}


def test_a_choice_that_is_left_empty_is_none_and_is_described_so(embedded: Service) -> None:
    choices = [
        (path, parameter)
        for path, operations in interface()["paths"].items()
        for parameter in operations.get("get", {}).get("parameters", ())
        if "enum" in parameter["schema"]
    ]
    assert ("/api/inbox", "kind") in [(path, parameter["name"]) for path, parameter in choices]
    for path, parameter in choices:
        assert ("" in parameter["schema"]["enum"]) is not parameter["required"], (path, parameter)
    assert embedded.get("/api/inbox?kind=")["counts"] == embedded.get("/api/inbox")["counts"]


def test_every_order_has_its_fields_described() -> None:
    paths = interface()["paths"]
    assert "post" in paths["/events"]
    for order in ORDERS:
        assert "post" in paths[order.path], order.path
    schemas = interface()["components"]["schemas"]
    place, lift = schemas["HoldPlacedOrder"], schemas["HoldLiftedOrder"]
    assert (place["required"], lift["required"]) == (["kind", "reason"], ["kind", "decision"])
    assert {"from", "until", "early", "hold"} <= place["properties"].keys()
    assert not {"by", "id", "source", "time"} & place["properties"].keys(), "they come from the token"


def test_webhooks_have_their_answers_described() -> None:
    responses = interface()["paths"]["/hooks/{name}"]["post"]["responses"]
    assert {"201", "202", "400", "401", "404", "413", "422", "429", "503"} <= responses.keys()
    answer = interface()["components"]["schemas"]["HookAnswer"]["properties"]
    assert answer.keys() == {"hook", "facts", "ignored"}
