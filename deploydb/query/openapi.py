"""The interface's document (OpenAPI 3.1), made from the resources' declarations and the types of their bodies."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from deploydb import __version__
from deploydb.http.ids import LARGEST
from deploydb.http.negotiation import JSON, V1_JSON
from deploydb.query import openapi_events
from deploydb.query.export import COLUMNS, CSV, JSON_LINES
from deploydb.query.openapi_hooks import HOOK_PATH, HookAnswer, hook_operation
from deploydb.query.openapi_orders import OrderAnswer, order_components, order_operations
from deploydb.query.openapi_writes import ERRORS, writes
from deploydb.query.resource import Parameter, Resource
from deploydb.query.resources.events import FILTERS

_IDS = ("id", "result")
"""What is an integer in a path; everything else is a name."""
_SCHEMAS = "#/components/schemas/{name}"
_TEXT = {"type": "string", "pattern": "^[^\\u0000]*$"}
_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "maxLength": 0}]}
_ABOUT = {
    "id": "Its id.",
    "result": "The promotion result's id.",
    "module": "The module, GROUP:NAME.",
    "ident": "Its ident: the name of its file without the ending.",
    "service": "The service's ident.",
    "environment": "The environment's ident.",
    "what": "A commit, a digest, a package URL, GROUP:NAME:VERSION, or a version.",
}
_ERRORS = {
    400: "It cannot be understood: an id that is no integer, a parameter that is not what it should be.",
    401: "A token is required here, and none was given.",
    404: "What was asked for does not exist; the message says what does.",
    406: "It is to be answered in a media type that there is not.",
    414: "The path or the query is too long.",
    500: "This should not have happened.",
    503: "The database cannot be asked at the moment.",
}
_TOO_MANY = "One person or address has as many of these answers under way as it may."

_STREAM = {
    "operationId": "stream",
    "summary": "What is added to the log, as it is added",
    "description": "Server-sent events named `change`; the first one is empty. Ids are numbers of the log.",
    "parameters": [
        {"name": name, "in": "query", "description": f"About this {name} only.", "schema": {"type": "string"}}
        for name in ("service", "environment")
    ],
    "responses": {
        "200": {"description": "A stream without an end.", "content": {"text/event-stream": {}}},
        **{str(code): {"$ref": f"#/components/responses/{code}"} for code in (400, 401, 429, 503)},
    },
}
_TABLE = (
    f"A line of names, then a line each: {', '.join(COLUMNS)}. An apostrophe stands before a cell that is a formula "
    "for spreadsheets."
)
_PROBES = {
    "/healthcheck": "Each check by name; 500 where one is not healthy",
    "/healthz": "The process answers",
    "/readyz": "Questions can be answered",
}


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer."""

    code: int
    message: str


def document(resources: Sequence[Resource]) -> dict[str, Any]:
    """The whole document. The same resources give the same document, key for key."""
    bodies = {resource.path: resource.read.__annotations__["return"] for resource in resources}
    schemas, components = msgspec.json.schema_components(
        [*bodies.values(), HookAnswer, OrderAnswer, Error], ref_template=_SCHEMAS
    )
    described = dict(zip(bodies, schemas, strict=False))
    paths: dict[str, dict[str, Any]] = {
        **{_plain(resource.path): {"get": _operation(resource, described[resource.path])} for resource in resources},
        "/api/events.jsonl": {"get": _export("jsonl", JSON_LINES, "Each line is an Event.")},
        "/api/events.csv": {"get": _export("csv", CSV, _TABLE)},
        "/api/stream": {"get": _STREAM},
        **{path: {"get": _probe(path, about)} for path, about in _PROBES.items()},
    }
    for path, operation in order_operations().items():
        paths.setdefault(path, {})["post"] = operation
    paths[openapi_events.PATH] = {"post": openapi_events.events_operation()}
    paths[HOOK_PATH] = {"post": hook_operation()}
    ordered, refusals = order_components()
    for path, operations in writes().items():
        paths.setdefault(path, {}).update(operations)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "DeployDB",
            "version": __version__,
            "summary": "Who, what, where, when and why of deployments.",
            "description": "Every answer to a GET has an ETag; what has not changed is answered with 304. "
            "The gateway takes people's orders, and the writes of v1. Times have their offset from UTC. "
            "Lists come in pages.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**components, **ordered}.items())),
            "responses": {
                **{str(code): _error(about) for code, about in {**_ERRORS, 429: _TOO_MANY, **ERRORS}.items()},
                **refusals,
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(resource: Resource, body: dict[str, Any]) -> dict[str, Any]:
    summary, _, description = " ".join((resource.read.__doc__ or "").split()).partition(". ")
    media = {name: {"schema": body} for name in (JSON, V1_JSON)}
    good = {"description": "The answer.", "headers": {"ETag": {"schema": {"type": "string"}}}, "content": media}
    return {
        "operationId": _name(resource.path),
        "summary": summary.rstrip("."),
        **({"description": description} if description else {}),
        "parameters": [
            *map(_in_path, resource.parts),
            *(_in_query(parameter) for parameter in resource.parameters),
        ],
        "responses": {
            "200": good,
            "304": {"description": "It has not changed since the answer with the ETag that If-None-Match names."},
            **{str(code): {"$ref": f"#/components/responses/{code}"} for code in _ERRORS},
        },
    }


def _export(name: str, media_type: str, about: str) -> dict[str, Any]:
    return {
        "operationId": f"events_{name}",
        "summary": "All rows of the log that are wanted, one a line",
        "description": about,
        "parameters": [_in_query(parameter) for parameter in FILTERS],
        "responses": {
            "200": {"description": "Rows, newest first.", "content": {media_type: {}}},
            **{str(code): {"$ref": f"#/components/responses/{code}"} for code in (400, 401, 404, 429, 500, 503)},
        },
    }


def _probe(path: str, about: str) -> dict[str, Any]:
    content = {"content": {JSON: {"schema": {"type": "object"}}}}
    return {
        "operationId": path.strip("/"),
        "summary": about,
        "security": [{}],
        "responses": {
            "200": {"description": "It does.", **content},
            **{code: {"description": "It does not.", **content} for code in ("406", "500", "503")},
        },
    }


def _in_path(name: str) -> dict[str, Any]:
    schema = (
        {"type": "integer", "minimum": 1, "maximum": LARGEST} if name in _IDS else {"type": "string", "minLength": 1}
    )
    return {"name": name, "in": "path", "required": True, "description": _ABOUT[name], "schema": schema}


def _in_query(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.about,
        "schema": _schema(parameter),
    }


def _schema(parameter: Parameter) -> dict[str, Any]:
    match parameter.kind:
        case "number":
            most = {"maximum": parameter.most} if parameter.most is not None else {}
            return {"type": "integer", "minimum": parameter.least, **most}
        case "moment":
            return _MOMENT
        case "text":
            empty = () if parameter.required else ("",)  # as none
            chosen = {"enum": [*parameter.choices, *empty]} if parameter.choices else {}
            looks = {"pattern": f"^({parameter.pattern})?$"} if parameter.pattern is not None else {}
            return {**_TEXT, **chosen, **looks, **({"minLength": 1} if parameter.required else {})}


def _error(about: str) -> dict[str, Any]:
    return {"description": about, "content": {JSON: {"schema": {"$ref": _SCHEMAS.format(name="Error")}}}}


def _plain(path: str) -> str:
    """The path as OpenAPI writes it."""
    return path.replace(":path}", "}")


def _name(path: str) -> str:
    """A name for the operation: the path's words."""
    words = re.findall(r"\w+", _plain(path).removeprefix("/api/"))
    return "_".join(word.replace("-", "_") for word in words)
