"""Receiving messages from the file, under a lease."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from time import monotonic, sleep, time

from deploydb.broker.address import EmbeddedAddress
from deploydb.broker.dead_letter import TOO_OFTEN, dead_letter
from deploydb.broker.embedded import owner
from deploydb.broker.embedded.deliveries import columns, delivery
from deploydb.broker.embedded.file import open_file, translate_errors, writing
from deploydb.broker.embedded.outbound import user_name
from deploydb.broker.embedded.routing import Router
from deploydb.broker.errors import PROVISION
from deploydb.broker.port import TAKE_BYTES, Delivery, Inbound
from deploydb.broker.topology import DELIVERY_LIMIT
from deploydb.domain.model.errors import Misconfigured

LEASE = timedelta(seconds=60)
"""The time until messages of a silent consumer are free, where the end of its process cannot be detected."""
_RENEW_SECONDS = LEASE.total_seconds() / 4
_POLL_SECONDS = 0.015
_SEARCH_SECONDS = 1.0
"""The time between two searches for ended consumers."""


class EmbeddedInbound(Inbound):
    """`port.Inbound` for one queue."""

    def __init__(self, address: EmbeddedAddress, queue: str, *, body_bytes: int | None = None) -> None:
        self._address = address
        self._queue = queue
        self._body_bytes = body_bytes
        self._token = ""
        self._renewed_at = 0.0
        self._searched_at = 0.0
        self._unacked: dict[int, Delivery] = {}
        # Not synced: a power failure causes a redelivery, which is allowed.
        self._connection = open_file(address, synchronous="NORMAL")
        try:
            with translate_errors(address):
                found = self._connection.execute("SELECT dead_letters FROM queue WHERE name = ?", (queue,)).fetchone()
                if found is not None:
                    with writing(self._connection):
                        self._renew()
        except BaseException:
            self._connection.close()
            raise
        if found is None:
            self._connection.close()
            raise Misconfigured(f"the queue {queue} does not exist on {address}: {PROVISION}")

    def receive(self, limit: int, wait: timedelta) -> list[Delivery]:
        deadline = monotonic() + wait.total_seconds()
        with translate_errors(self._address):
            if monotonic() - self._renewed_at > _RENEW_SECONDS:
                with writing(self._connection):
                    self._renew()
            while limit:
                version = self._data_version()
                self._free_messages_of_ended_consumers()
                if taken := self._lease(limit):
                    return taken
                while self._data_version() == version:
                    left = deadline - monotonic()
                    if left <= 0:
                        return []
                    sleep(min(_POLL_SECONDS, left))
                    if monotonic() - self._searched_at > _SEARCH_SECONDS:
                        break
        return []

    def waiting(self) -> int:
        with translate_errors(self._address):
            ready = "SELECT count(*) FROM message WHERE queue = ? AND owner IS NULL"
            count: int = self._connection.execute(ready, (self._queue,)).fetchone()[0]
            return count

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Fenced: no effect on a message that is not under our lease any more."""
        ids = self._ours(deliveries)
        with translate_errors(self._address), writing(self._connection):
            self._connection.executemany(
                "DELETE FROM message WHERE id = ? AND owner = ?", [(id_, self._token) for id_ in ids]
            )
        self._forget(ids)

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Each counts as a delivery towards the limit."""
        ids = self._ours(deliveries)
        with translate_errors(self._address), writing(self._connection):
            self._connection.executemany(
                "UPDATE message SET owner = NULL WHERE id = ? AND owner = ?", [(id_, self._token) for id_ in ids]
            )
            self._dead_letter_repeated()
        self._forget(ids)

    def close(self) -> None:
        try:
            with writing(self._connection):
                self._free([self._token])
        except sqlite3.Error:
            pass  # closed already, or the file is away: the end of the lease frees them
        finally:
            self._connection.close()

    def _data_version(self) -> int:
        """Changes whenever another connection has committed."""
        version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _renew(self) -> None:
        """Prolong the lease; get a new one, without messages, if others have found it expired."""
        until = time() + LEASE.total_seconds()
        renewed = self._connection.execute(
            "UPDATE consumer SET lease_until = ? WHERE token = ?", (until, self._token)
        ).rowcount
        if not renewed:
            self._token = token_hex(16)
            self._unacked.clear()
            self._connection.execute(
                "INSERT INTO consumer VALUES (?, ?, ?, ?, ?)",
                (self._token, self._queue, until, owner.machine(), owner.process()),
            )
        self._renewed_at = monotonic()

    def _lease(self, limit: int) -> list[Delivery]:
        ready = "FROM message WHERE queue = ? AND owner IS NULL ORDER BY id LIMIT ?"
        if self._connection.execute(f"SELECT 1 {ready}", (self._queue, 1)).fetchone() is None:  # constants
            return []
        with writing(self._connection):
            self._renew()
            rows = self._connection.execute(
                f"SELECT {columns(self._body_bytes)} {ready}",  # constants
                (self._queue, self._fitting(ready, limit)),
            ).fetchall()
            if rows:
                self._connection.execute(
                    "UPDATE message SET owner = ?, attempts = attempts + 1"
                    " WHERE queue = ? AND owner IS NULL AND id <= ?",
                    (self._token, self._queue, rows[-1][0]),
                )
        taken = [delivery(row) for row in rows]
        self._unacked.update((message.tag, message) for message in taken)
        return taken

    def _fitting(self, ready: str, limit: int) -> int:
        """The number of next messages that fit into one call of `take`."""
        room, count = TAKE_BYTES, 0
        for (size,) in self._connection.execute(f"SELECT length(body) {ready}", (self._queue, limit)):
            count += 1
            room -= size if self._body_bytes is None else min(size, self._body_bytes)
            if room <= 0:
                break
        return count

    def _free_messages_of_ended_consumers(self) -> None:
        if monotonic() - self._searched_at < _SEARCH_SECONDS:
            return
        self._searched_at = monotonic()
        if self._gone():
            with writing(self._connection):
                self._free(self._gone())  # again: one of them may have prolonged its lease meanwhile

    def _gone(self) -> list[str]:
        """The other consumers with an expired lease or an ended process."""
        now = time()
        return [
            token
            for token, until, of_machine, of_process in self._connection.execute(
                "SELECT token, lease_until, machine, process FROM consumer WHERE token <> ?", (self._token,)
            )
            if until < now or owner.is_gone(of_machine, of_process)
        ]

    def _free(self, tokens: Sequence[str]) -> None:
        self._connection.executemany("UPDATE message SET owner = NULL WHERE owner = ?", [(token,) for token in tokens])
        self._connection.executemany("DELETE FROM consumer WHERE token = ?", [(token,) for token in tokens])
        self._dead_letter_repeated()

    def _dead_letter_repeated(self) -> None:
        rows = self._connection.execute(
            f"SELECT {columns()} FROM message JOIN queue ON queue.name = message.queue"  # noqa: S608  # constants
            " WHERE owner IS NULL AND attempts > ? AND queue.dead_letters",
            (DELIVERY_LIMIT,),
        ).fetchall()
        if not rows:
            return
        router = Router(self._connection)
        for row in rows:
            message = dead_letter(delivery(row), row[10], TOO_OFTEN, "$")
            if queues := router.queues(message.exchange, message.routing_key):
                router.insert([(message, queues)], user_id=user_name(), now=datetime.now(UTC))
                self._connection.execute("DELETE FROM message WHERE id = ?", (row[0],))

    def _ours(self, deliveries: Sequence[Delivery]) -> list[int]:
        return [delivery.tag for delivery in deliveries if self._unacked.get(delivery.tag) is delivery]

    def _forget(self, ids: Iterable[int]) -> None:
        for id_ in ids:
            self._unacked.pop(id_, None)
