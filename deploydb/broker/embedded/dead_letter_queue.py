"""The dead-letter queue in the file, for people."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from deploydb.broker.address import EmbeddedAddress
from deploydb.broker.dead_letter import letter, replayed, require_replayable, unbound
from deploydb.broker.embedded.deliveries import columns, delivery
from deploydb.broker.embedded.file import open_file, translate_errors, writing
from deploydb.broker.embedded.outbound import user_name
from deploydb.broker.embedded.routing import Router
from deploydb.broker.port import DeadLetter, DeadLetters
from deploydb.broker.topology import DEAD_QUEUE
from deploydb.settings import MAX_BODY_BYTES


class EmbeddedDeadLetters(DeadLetters):
    """`port.DeadLetters`. A replay publishes and removes a letter in one transaction."""

    def __init__(self, address: EmbeddedAddress) -> None:
        self._address = address
        self._connection = open_file(address, synchronous="FULL")

    def peek(self, limit: int) -> list[DeadLetter]:
        with translate_errors(self._address):
            return [dead for _id, dead in self._letters(limit)]

    def replay(self, id_: str, body: bytes | None = None) -> DeadLetter | None:
        return self._take_away(id_, lambda dead: self._send_back(dead, body))

    def discard(self, id_: str) -> DeadLetter | None:
        return self._take_away(id_, lambda _: None)

    def close(self) -> None:
        self._connection.close()

    def _take_away(self, id_: str, before: Callable[[DeadLetter], None]) -> DeadLetter | None:
        with translate_errors(self._address), writing(self._connection):
            for row_id, dead in self._letters():
                if dead.id == id_:
                    before(dead)
                    self._connection.execute("DELETE FROM message WHERE id = ?", (row_id,))
                    return dead
        return None

    def _letters(self, limit: int = -1) -> Iterator[tuple[int, DeadLetter]]:
        rows = self._connection.execute(
            f"SELECT {columns(MAX_BODY_BYTES)} FROM message WHERE queue = ? AND owner IS NULL ORDER BY id LIMIT ?",  # noqa: S608  # constants
            (DEAD_QUEUE, limit),
        )
        for row in rows.fetchall():
            taken = delivery(row)
            yield taken.tag, letter(taken)

    def _send_back(self, dead: DeadLetter, body: bytes | None) -> None:
        require_replayable(dead, body)
        router = Router(self._connection)
        queues = router.queues(dead.exchange, dead.routing_key)
        if not queues:
            raise unbound(dead)
        letter_back = replayed(dead, dead.body if body is None else body)
        router.insert([(letter_back, queues)], user_id=user_name(), now=datetime.now(UTC))
