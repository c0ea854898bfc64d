"""Until when this ingest worker has read, reported to the database about once a second.

A sample asks how many messages there are to be taken. Once as many have been recorded, whatever was in the queue then
has been taken: by this worker, which has recorded it, or by another, which says the same of its own.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from msgspec import Struct

from deploydb.broker.port import Inbound
from deploydb.domain.model.errors import Transient
from deploydb.store import ingest_watermark

from .intervals import Every

EVERY_SECONDS = 1.0


class _Sample(Struct, kw_only=True):
    at: datetime
    left: int


class Watermark:
    """One worker's. In the hands of the thread that owns the connection to the broker."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._worker = uuid4().hex
        self._sample: _Sample | None = None
        self._asked_at: datetime | None = None
        self._samples = Every(EVERY_SECONDS)

    def look(self, inbound: Inbound, in_hand: int) -> None:
        """Take a sample, if it is time for one. `in_hand`: how many messages are being recorded."""
        if self._sample is not None:
            return
        if self._asked_at is None:
            if not self._samples.due():
                return
            self._asked_at = self._clock()
        waiting = inbound.waiting()
        if waiting is None:
            return
        self._sample = _Sample(at=self._asked_at, left=waiting + in_hand)
        self._asked_at = None
        self.recorded(0)

    def recorded(self, messages: int) -> None:
        """So many messages more have been recorded. While the database is away, the next sample will do."""
        if self._sample is None:
            return
        self._sample.left -= messages
        if self._sample.left > 0:
            return
        at, self._sample = self._sample.at, None
        try:
            ingest_watermark.note(self._engine, self._worker, at, self._clock())
        except Transient:
            return

    def forget(self) -> None:
        """What was waiting has been taken by others, or what was in hand is given back: sample again."""
        self._sample = None

    def end(self) -> None:
        """The connection is closed, for good: what was in hand is in the queue again."""
        try:
            ingest_watermark.end(self._engine, self._worker, self._clock())
        except Transient:
            return
