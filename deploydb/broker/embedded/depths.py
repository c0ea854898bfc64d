"""How many messages are ready in a queue of the file, and how many consumers it has."""

import sqlite3
from time import time

from deploydb.broker.embedded import owner
from deploydb.broker.port import QueueDepth


def depth_of(connection: sqlite3.Connection, queue: str) -> QueueDepth | None:
    """None for a queue that does not exist. Index: `message_ready`."""
    if connection.execute("SELECT 1 FROM queue WHERE name = ?", (queue,)).fetchone() is None:
        return None
    waiting = "SELECT count(*) FROM message WHERE queue = ? AND owner IS NULL"
    (ready,) = connection.execute(waiting, (queue,)).fetchone()
    consumers = connection.execute(
        "SELECT machine, process FROM consumer WHERE queue = ? AND lease_until >= ?", (queue, time())
    ).fetchall()
    return QueueDepth(ready=ready, consumers=sum(not owner.is_gone(*one) for one in consumers))
