"""Webhooks of other tools in the interface's document. The gateway answers them."""

from typing import Any

import msgspec

from deploydb.http.negotiation import FORM, JSON

HOOK_PATH = "/hooks/{name}"
_ERRORS = {
    400: "The body is no JSON object.",
    401: "The request does not prove the secret; nothing is published.",
    403: "access.yml does not let the hook say a fact of it; nothing is published.",
    404: "There is no hook of this name.",
    408: "The body was not there in time.",
    413: "The body has more than 1 MiB.",
    415: "The body is compressed.",
    422: "The payload is not as the tool documents it; the message names the field.",
    429: "The hook gets too many requests; Retry-After says how long to wait.",
    503: "The broker has not confirmed it, or the secret is not configured: send it again.",
}


class HookIgnored(msgspec.Struct, frozen=True, kw_only=True):
    """A report of a payload that becomes no fact. `lacks`: the keys of a rule that would make it one."""

    reason: str
    lacks: list[str]


class HookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook has become. Each fact has its fields, `stored` (the log has it), and `note`: why it matches
    nothing, where that is known."""

    hook: str
    facts: list[dict[str, Any]]
    ignored: list[HookIgnored]


def hook_operation() -> dict[str, Any]:
    """The operation of `POST /hooks/{name}`."""
    error = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    content = {JSON: {"schema": {"$ref": "#/components/schemas/HookAnswer"}}}
    return {
        "operationId": "post_hook",
        "summary": "Take a webhook of another tool",
        "description": "Verified by the tool's own scheme: the secret in a header, a signature of the body, or `token` "
        "in the query. Mapped by the rules of hooks/NAME.yml. The same delivery counts once.",
        "parameters": [
            {
                "name": "name",
                "in": "path",
                "required": True,
                "description": "The name of the hook's file, without the ending.",
                "schema": {"type": "string"},
            },
            {
                "name": "token",
                "in": "query",
                "description": "The secret, for tools that can send no header of their own.",
                "schema": {"type": "string"},
            },
        ],
        "requestBody": {"required": True, "content": {name: {"schema": {"type": "object"}} for name in (JSON, FORM)}},
        "responses": {
            "201": {"description": "The log has the facts.", "content": content},
            "202": {
                "description": "The broker has the facts, or there are none, with the reasons.",
                "content": content,
            },
            **{str(code): {"description": about, "content": error} for code, about in _ERRORS.items()},
        },
        "security": [{}],
    }
