"""`POST /events` in the interface's document. The gateway answers it."""

from typing import Any

from deploydb.http.negotiation import JSON

PATH = "/events"
_OBJECT = {"schema": {"type": "object"}}
_SOME = {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": 500}
_EVENT = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": "The type of the fact that it is."},
        "source": {"type": "string"},
        "id": {"type": "string"},
        "stored": {"type": "boolean", "description": "Whether the log has it."},
        "index": {"type": "integer", "description": "Its place in a list."},
        "error": {"type": "string", "description": "Why it is not taken, in a list."},
        "path": {"type": "string", "description": "The field that is wrong, in a list."},
    },
}
_LIST = {"type": "object", "properties": {"events": {"type": "array", "items": _EVENT}}, "required": ["events"]}
_ERRORS = {
    400: "The body is no JSON.",
    401: "No program: send a bearer token.",
    403: "The token lacks the scope `write`, or the right by access.yml; the message says which.",
    408: "The body was not there in time.",
    413: "The body is too long.",
    415: "The body is of another media type.",
    422: "The event is not taken, or none of the list is; the message names the field.",
    429: "The program sends too many requests; Retry-After says how long to wait.",
    503: "The broker has not confirmed it: send it again; each event counts once.",
}


def events_operation() -> dict[str, Any]:
    """The operation of programs that publish events."""
    content = {JSON: {"schema": {"oneOf": [_EVENT, _LIST]}}}
    error = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "operationId": "post_events",
        "summary": "Publish facts, CDEvents and CloudEvents",
        "description": "For programs with the scope `write`. A CloudEvent in binary mode has its attributes in headers "
        "that begin with `ce-`. A list is answered event by event.",
        "parameters": [
            {
                "name": "Prefer",
                "in": "header",
                "description": "`wait=N`: for how many seconds the answer waits for the log, 2 by default.",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"oneOf": [{"type": "object"}, _SOME]}},
                "application/cloudevents+json": _OBJECT,
                "application/cloudevents-batch+json": {"schema": _SOME},
            },
        },
        "responses": {
            "201": {"description": "The log has it, or all of them.", "content": content},
            "202": {"description": "The broker has it; the log will.", "content": content},
            "207": {"description": "Some of the list are not taken.", "content": {JSON: {"schema": _LIST}}},
            **{str(code): {"description": about, "content": error} for code, about in _ERRORS.items()},
        },
        "security": [{"token": []}],
    }
