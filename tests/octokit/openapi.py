"""GitHub's own OpenAPI document, and requests compared with it."""

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema_rs

from tests.octokit.download import downloaded
from tests.orchestrators.server import Asked


def require_valid(requests: Iterable[Asked]) -> None:
    """Check that each request is one of GitHub's REST API: its method, path, parameters and body."""
    for asked in requests:
        template, operation = _operation(asked.method, asked.path)
        named = [_resolved(one) for one in operation.get("parameters", ())]
        unknown = asked.query.keys() - {one["name"] for one in named if one["in"] == "query"}
        assert not unknown, f"{asked.method} {template} has no {unknown}"
        if "requestBody" in operation:
            body = json.loads(asked.body)
            schema = _nullable(operation["requestBody"]["content"]["application/json"]["schema"])
            jsonschema_rs.validator_for(schema, validate_formats=True).validate(body)
            assert body.keys() <= schema["properties"].keys(), f"{asked.method} {template} has no {body.keys()}"
        else:
            assert asked.body == "", f"{asked.method} {template} has no body"


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(downloaded("github-openapi-23.0.2.json").read_text())
    return found


def _operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The operation of a path, of that with the fewest parameters."""
    fitting = (one for one in _document()["paths"] if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", one), path))
    for template in sorted(fitting, key=lambda one: one.count("{")):
        if method.lower() in _document()["paths"][template]:
            return template, _document()["paths"][template][method.lower()]
    raise AssertionError(f"GitHub has no {method} {path}")


def _resolved(parameter: dict[str, Any]) -> dict[str, Any]:
    found: Any = parameter
    if "$ref" in parameter:
        found = _document()
        for name in parameter["$ref"].removeprefix("#/").split("/"):
            found = found[name]
    resolved: dict[str, Any] = found
    return resolved


def _nullable(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema has it."""
    match schema:
        case {"nullable": True, "type": str(type_)}:
            return {name: _nullable(value) for name, value in schema.items() if name != "nullable"} | {
                "type": [type_, "null"]
            }
        case dict():
            return {name: _nullable(value) for name, value in schema.items()}
        case list():
            return [_nullable(one) for one in schema]
        case _:
            return schema
