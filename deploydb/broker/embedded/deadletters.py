"""The dead-letter queue in the file, for people."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from deploydb.broker.address import EmbeddedAddress
from deploydb.broker.dead import letter
from deploydb.broker.embedded.file import open_file, told_apart, writing
from deploydb.broker.embedded.outbound import user_name
from deploydb.broker.embedded.routing import Router
from deploydb.broker.port import DeadLetter, Message
from deploydb.broker.topology import DEAD_QUEUE
from deploydb.domain.errors import Misconfigured


class EmbeddedDeadLetters:
    """`port.DeadLetters`. A replay goes and is taken away in one transaction."""

    def __init__(self, address: EmbeddedAddress) -> None:
        self._address = address
        self._connection = open_file(address, synchronous="FULL")

    def look(self, limit: int) -> list[DeadLetter]:
        """As `port.DeadLetters.look`."""
        with told_apart(self._address):
            return [one for _id, _message_id, one in self._letters(limit)]

    def replay(self, ident: str, body: bytes | None = None) -> DeadLetter | None:
        """As `port.DeadLetters.replay`. Raises: Misconfigured where no queue is bound any more for where it went."""
        with told_apart(self._address), writing(self._connection):
            for row_id, message_id, one in self._letters():
                if one.id == ident:
                    self._send_back(one, message_id, one.body if body is None else body)
                    self._take_away(row_id)
                    return one
        return None

    def discard(self, ident: str) -> DeadLetter | None:
        """As `port.DeadLetters.discard`."""
        with told_apart(self._address), writing(self._connection):
            for row_id, _message_id, one in self._letters():
                if one.id == ident:
                    self._take_away(row_id)
                    return one
        return None

    def close(self) -> None:
        """As `port.Connection.close`."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _letters(self, limit: int = -1) -> Iterator[tuple[int, str, DeadLetter]]:
        rows: sqlite3.Cursor = self._connection.execute(
            "SELECT id, message_id, routing_key, body, content_type, headers, user_id, sent_at FROM message"
            " WHERE queue = ? AND owner IS NULL ORDER BY id LIMIT ?",
            (DEAD_QUEUE, limit),
        )
        for row_id, message_id, routing_key, body, content_type, headers, user_id, sent_at in rows.fetchall():
            one = letter(
                queue=routing_key,
                body=body,
                content_type=content_type,
                headers=json.loads(headers),
                message_id=message_id,
                user_id=user_id,
                sent_at=datetime.fromtimestamp(sent_at, UTC),
            )
            yield row_id, message_id, one

    def _send_back(self, one: DeadLetter, message_id: str, body: bytes) -> None:
        router = Router(self._connection)
        queues = router.queues(one.exchange, one.routing_key)
        if not queues:
            raise Misconfigured(
                f"dead letter {one.id} cannot go back: no queue is bound to exchange {one.exchange} for its routing "
                f"key {one.routing_key}"
            )
        message = Message(
            exchange=one.exchange,
            routing_key=one.routing_key,
            body=body,
            message_id=message_id,
            content_type=one.content_type,
            headers=one.headers,
        )
        router.insert([(message, queues)], user_id=user_name(), now=datetime.now(UTC))

    def _take_away(self, row_id: int) -> None:
        self._connection.execute("DELETE FROM message WHERE id = ?", (row_id,))
