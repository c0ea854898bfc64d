"""Routing of messages: topic patterns, and the rows of their queues."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime

from deploydb.broker.port import Message


def fits(pattern: str, routing_key: str) -> bool:
    """Whether a topic pattern matches a routing key: words between dots, `*` any one of them, `#` any number.

    As on RabbitMQ, an empty key has no words, and `a..b` has an empty one.
    """
    parts = _words(pattern)
    positions = _beyond_hashes(parts, {0})
    for word in _words(routing_key):
        on = {at for at in positions if at < len(parts) and parts[at] == "#"}
        on |= {at + 1 for at in positions if at < len(parts) and parts[at] in ("*", word) and parts[at] != "#"}
        positions = _beyond_hashes(parts, on)
    return len(parts) in positions


class Router:
    """The bindings within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._bindings: dict[str, list[tuple[str, str]]] = {
            name: [] for (name,) in connection.execute("SELECT name FROM exchange")
        }
        for exchange, pattern, queue in connection.execute("SELECT exchange, pattern, queue FROM binding"):
            self._bindings[exchange].append((pattern, queue))
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def queues(self, exchange: str, routing_key: str) -> tuple[str, ...] | None:
        """The queues of a message, each once; None where the exchange does not exist."""
        queues = self._known.get((exchange, routing_key))
        if queues is None and exchange in self._bindings:
            bound = self._bindings[exchange]
            queues = tuple(sorted({queue for pattern, queue in bound if fits(pattern, routing_key)}))
            self._known[exchange, routing_key] = queues
        return queues

    def insert(self, messages: Iterable[tuple[Message, Sequence[str]]], *, user_id: str, now: datetime) -> None:
        sent_at = now.timestamp()
        self._connection.executemany(
            "INSERT INTO message"
            " (queue, exchange, routing_key, message_id, content_type, headers, user_id, sent_at, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    queue,
                    message.exchange,
                    message.routing_key,
                    message.message_id,
                    message.content_type,
                    json.dumps(message.headers) if message.headers else "{}",
                    user_id,
                    sent_at,
                    message.body,
                )
                for message, queues in messages
                for queue in queues
            ),
        )


def _words(text: str) -> list[str]:
    return text.split(".") if text else []


def _beyond_hashes(parts: Sequence[str], positions: set[int]) -> set[int]:
    """The positions, and those behind a `#` that stands for no words."""
    reached = set(positions)
    for at in range(len(parts)):
        if at in reached and parts[at] == "#":
            reached.add(at + 1)
    return reached
