"""Rows of the file's messages as deliveries."""

import json
from datetime import UTC, datetime

from deploydb.broker.port import Delivery

Row = tuple[int, bytes, str, str, str, str, str, str, int, float, str, int]


def columns(body_bytes: int | None = None) -> str:
    """The columns of a row, with at most the first `body_bytes` of the body."""
    body = "body" if body_bytes is None else f"substr(body, 1, {body_bytes})"
    names = "routing_key, exchange, message_id, content_type, headers, user_id, attempts, sent_at, queue"
    return f"id, {body}, {names}, length(body)"


def delivery(row: Row) -> Delivery:
    id_, body, routing_key, exchange, message_id, content_type, headers, user_id, attempts, sent_at, _, size = row
    return Delivery(
        tag=id_,
        body=body,
        routing_key=routing_key,
        exchange=exchange,
        message_id=message_id,
        content_type=content_type,
        headers=json.loads(headers) if headers != "{}" else {},
        user_id=user_id,
        redelivered=attempts > 0,
        cut_from=size if len(body) < size else None,
        sent_at=datetime.fromtimestamp(sent_at, UTC),
    )
