"""People's orders in the interface's document: made from their declarations. The gateway answers them."""

from typing import Any

import msgspec

from deploydb.http.negotiation import FORM, JSON, V1_JSON
from deploydb.http.orders import DECISION, FILE, ORDERS, Decision, Order, is_file

_ERRORS = {
    400: "The body cannot be read, or Idempotency-Key is none.",
    401: "No person: sign in, or send a bearer token.",
    403: "The person lacks the scope `approve` or the right by access.yml, or another site's page has sent it.",
    404: "A name that nothing has; the message lists those that exist.",
    408: "The body was not there in time.",
    413: "The body is too long.",
    415: "The body is of another media type.",
    422: "A field is missing, wrong or unknown, or the order would not count; the message has the reason.",
    429: "The person sends too many requests; Retry-After says how long to wait.",
    503: "The broker has not confirmed it: send it again with the Idempotency-Key that the message names.",
}
_HEADERS = {
    "Idempotency-Key": "The request's own id: sent again it counts once.",
    "Prefer": "`wait=N`: for how many seconds the answer waits for the fact to be stored, 2 by default.",
}


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An order as a fact. `stored`: the log has it; `/api/effect` answers what came of it. `counts`: false where it is
    kept for a version that is still to come; absent for a repeated one. `why`: what its version would wait for."""

    type: str
    source: str
    id: str
    by: str
    service: str | None
    environment: str | None
    version: str | None
    stored: bool
    promotion: str | msgspec.UnsetType = msgspec.UNSET
    hold: str | msgspec.UnsetType = msgspec.UNSET
    kind: str | msgspec.UnsetType = msgspec.UNSET
    incident: str | msgspec.UnsetType = msgspec.UNSET
    counts: bool | msgspec.UnsetType = msgspec.UNSET
    why: str | msgspec.UnsetType = msgspec.UNSET


def order_operations() -> dict[str, dict[str, Any]]:
    """The operation of each order, by its path."""
    return {order.path: _operation(order) for order in ORDERS}


def order_components() -> tuple[dict[str, Any], dict[str, Any]]:
    """The schemas and the responses that the operations refer to."""
    schemas = {
        _name(decision): _body(order, name, decision) for order in ORDERS for name, decision in order.decisions.items()
    }
    content = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    return schemas, {f"order{code}": {"description": about, "content": content} for code, about in _ERRORS.items()}


def _operation(order: Order) -> dict[str, Any]:
    bodies = [{"$ref": f"#/components/schemas/{_name(decision)}"} for decision in order.decisions.values()]
    body = bodies[0] if len(bodies) == 1 else {"oneOf": bodies}
    content = {JSON: {"schema": {"$ref": "#/components/schemas/OrderAnswer"}}}
    return {
        "operationId": f"post_{order.path.removeprefix('/api/')}",
        "summary": order.about.rstrip("."),
        "description": "For people with the scope `approve`. The author is the person of the token.",
        "parameters": [
            {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}
            for name, about in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {name: {"schema": body} for name in (JSON, V1_JSON, FORM)}},
        "responses": {
            "201": {"description": "The log has it.", "content": content},
            "202": {"description": "The broker has it; the log will.", "content": content},
            "303": {"description": "For a page's form: the page with the effect."},
            **{str(code): {"$ref": f"#/components/responses/order{code}"} for code in _ERRORS},
        },
        "security": [{"token": []}],
    }


def _name(decision: Decision) -> str:
    return f"{decision.fact.__name__}Order"


def _body(order: Order, name: str, decision: Decision) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([decision.fact])
    known = components[decision.fact.__name__]["properties"]
    fields = {
        field.encode_name: {key: value for key, value in _plain(known[field.encode_name]).items() if key != "default"}
        for field in decision.fields()
        if not is_file(field)
    }
    if any(map(is_file, decision.fields())):
        fields |= {name: {"type": "string", "description": about} for name, about in FILE.items()}
    chosen = {DECISION: {"const": name}} if len(order.decisions) > 1 else {}
    flags = {flag: {"type": "boolean", "description": about} for flag, about in order.flags.items()}
    required = decision.names(required=True)
    is_named = bool(chosen) and not (order.default and name == next(iter(order.decisions)))
    return {
        "type": "object",
        "properties": {**fields, **flags, **chosen},
        "required": [*required, *([DECISION] if is_named else [])],
        "additionalProperties": False,
    }


def _plain(schema: Any) -> Any:  # noqa: ANN401  # any JSON
    """The schema without patterns: those of names are written for another dialect of regular expressions."""
    if isinstance(schema, dict):
        return {key: _plain(value) for key, value in schema.items() if key != "pattern"}
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema
