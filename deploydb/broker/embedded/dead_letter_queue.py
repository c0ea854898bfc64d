"""The dead-letter queue in the file, for people."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from deploydb.broker.address import EmbeddedAddress
from deploydb.broker.dead_letter import letter, replayed, require_replayable, unbound
from deploydb.broker.embedded.file import open_file, translate_errors, writing
from deploydb.broker.embedded.outbound import user_name
from deploydb.broker.embedded.routing import Router
from deploydb.broker.embedded.rows import columns, delivery
from deploydb.broker.port import DeadLetter
from deploydb.broker.topology import DEAD_QUEUE
from deploydb.settings import MAX_BODY_BYTES


class EmbeddedDeadLetters:
    """`port.DeadLetters`. A replay publishes and removes a letter in one transaction."""

    def __init__(self, address: EmbeddedAddress) -> None:
        self._address = address
        self._connection = open_file(address, synchronous="FULL")

    def peek(self, limit: int) -> list[DeadLetter]:
        """As `port.DeadLetters.peek`."""
        with translate_errors(self._address):
            return [dead for _id, dead in self._letters(limit)]

    def replay(self, id_: str, body: bytes | None = None) -> DeadLetter | None:
        """As `port.DeadLetters.replay`."""
        with translate_errors(self._address), writing(self._connection):
            for row_id, dead in self._letters():
                if dead.id == id_:
                    require_replayable(dead, body)
                    self._send_back(dead, dead.body if body is None else body)
                    self._take_away(row_id)
                    return dead
        return None

    def discard(self, id_: str) -> DeadLetter | None:
        """As `port.DeadLetters.discard`."""
        with translate_errors(self._address), writing(self._connection):
            for row_id, dead in self._letters():
                if dead.id == id_:
                    self._take_away(row_id)
                    return dead
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

    def _letters(self, limit: int = -1) -> Iterator[tuple[int, DeadLetter]]:
        rows = self._connection.execute(
            f"SELECT {columns(MAX_BODY_BYTES)} FROM message WHERE queue = ? AND owner IS NULL ORDER BY id LIMIT ?",  # noqa: S608  # constants
            (DEAD_QUEUE, limit),
        )
        for row in rows.fetchall():
            taken = delivery(row)
            yield taken.tag, letter(taken)

    def _send_back(self, dead: DeadLetter, body: bytes) -> None:
        router = Router(self._connection)
        queues = router.queues(dead.exchange, dead.routing_key)
        if not queues:
            raise unbound(dead)
        router.insert([(replayed(dead, body), queues)], user_id=user_name(), now=datetime.now(UTC))

    def _take_away(self, row_id: int) -> None:
        self._connection.execute("DELETE FROM message WHERE id = ?", (row_id,))
