"""The writes of the v1 interface in the interface's document. The gateway takes them."""

from typing import Any

from deploydb.http.ids import LARGEST
from deploydb.http.negotiation import JSON, V1_JSON

_SCHEMAS = "#/components/schemas/{name}"
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "Its id.",
    "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST},
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N`: how many seconds the answer waits for the effect, up to 30. By default 2.",
    "schema": {"type": "string"},
}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 8192}
_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
_LOCATION = {"Location": {"schema": {"type": "string"}}}
_SHARED = (400, 401, 403, 404, 406, 413, 415, 422, 503)
ERRORS = {
    403: "The token lacks the scope, the client the right by access.yml, or a page of another site sent the request.",
    409: "The version is known with another sourceUrl or digest.",
    413: "The body is too long.",
    415: "The body is in a content type that is not taken.",
    422: "A field is missing or wrong; the message names it.",
}


def writes() -> dict[str, dict[str, Any]]:
    """The operations by path and method."""
    return {
        "/api/artifacts": {
            "post": _operation(
                "publish_artifact",
                "Publish a version of a module",
                "The same artifact again is answered with the one that exists. Nothing is stored for a module of no "
                "service.",
                {"group": _TEXT, "name": _TEXT, "version": _NAME, "sourceUrl": _TEXT, "digest": _NAME},
                ["group", "name", "version", "sourceUrl"],
                _good("201", "The artifact.", "Artifact", _LOCATION),
                more=(409,),
            )
        },
        "/api/deployments/{id}": {
            "patch": _operation(
                "report_deployment",
                "Report how far a deployment has come",
                "From CREATED each of the three can be reached, from STARTED the last two.",
                {"status": {"enum": ["STARTED", "COMPLETED", "FAILED"]}},
                ["status"],
                _good("200", "The deployment in its new state.", "Deployment"),
                parameters=[_ID],
            )
        },
        "/api/deployments/{id}/promotions": {
            "post": _operation(
                "report_promotion_result",
                "Report the result of a promotion",
                "It counts while the promotion result is STARTED. A promotion that people answer takes a bearer token "
                "with the scope approve.",
                {"name": _NAME, "status": {"enum": ["SUCCESS", "FAILED", "FAILURE"]}, "infoUrl": _TEXT},
                ["name", "status"],
                _good("201", "The promotion result.", "PromotionResult", _LOCATION),
                parameters=[_ID],
            )
        },
    }


def _good(status: str, about: str, schema: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    body = {"schema": {"$ref": _SCHEMAS.format(name=schema)}}
    described = {"description": about, "content": dict.fromkeys((JSON, V1_JSON), body)}
    return {status: described | ({"headers": headers} if headers is not None else {})}


def _operation(
    name: str,
    summary: str,
    description: str,
    fields: dict[str, Any],
    required: list[str],
    good: dict[str, Any],
    *,
    parameters: list[dict[str, Any]] | None = None,
    more: tuple[int, ...] = (),
) -> dict[str, Any]:
    body = {"schema": {"type": "object", "properties": fields, "required": required}}
    return {
        "operationId": name,
        "summary": summary,
        "description": description,
        "parameters": [*(parameters or []), _PREFER],
        "requestBody": {"required": True, "content": dict.fromkeys((JSON, V1_JSON), body)},
        "responses": {
            **good,
            "202": {"description": "The broker has it; its effect will be at Location.", "headers": _LOCATION},
            **{str(code): {"$ref": f"#/components/responses/{code}"} for code in sorted((*_SHARED, *more))},
        },
    }
