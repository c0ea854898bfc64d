"""A fact as it arrived, and who judges whether it may be stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.environment_names import EnvironmentNames
from deploydb.domain.model.errors import Forbidden
from deploydb.domain.model.facts import Fact
from deploydb.domain.model.trace import TraceContext, trace_of
from deploydb.store import duplicates
from deploydb.wire.formats import read
from deploydb.wire.reading import Reading


class Judge(Protocol):
    """Whether the user who sent an arrival, and the publisher that it is sent for, may say its fact: the error where
    not. `deployment`: the one that it means, if known; `names`: those that environments have in the database."""

    def __call__(
        self, arrival: "Arrival", deployment: Deployment | None, names: EnvironmentNames
    ) -> Forbidden | None: ...


class Arrival(Struct, frozen=True, kw_only=True):
    """A fact as it arrived: what it says, the bytes that go to the log, and its publisher. `user`: who the broker says
    sent it, for the publisher where that is another one.

    `sent`: the time that it was sent with, where that of the arrival counts in its place. `names`: what other events
    call it by. `otherwise`: the fact that it is unless it is about a deployment that was commanded, and is followed or
    runs. `awaits`: the names of the events with which it is a further fact (`linked_events`). `publishers`: of the
    fact of several events, those of all. `trace`: its place in a trace, by its sender.
    """

    fact: Fact
    body: bytes
    publisher: str | None = None
    user: str | None = None
    sent: datetime | None = None
    names: tuple[str, ...] = ()
    otherwise: "Arrival | None" = None
    awaits: tuple[str, ...] = ()
    publishers: tuple[str | None, ...] = ()
    trace: TraceContext | None = None

    @classmethod
    def of(
        cls,
        body: bytes,
        *,
        arrived_at: datetime,
        publisher: str | None = None,
        user: str | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> "Arrival":
        """The fact of a message in any format. Raises: MessageRejected as `formats.read`."""
        reading = read(body, content_type=content_type, headers=headers, arrived_at=arrived_at)
        return cls.of_reading(reading, publisher, user or publisher, trace_of(headers) if headers else None)

    def by_all(self, publishers: tuple[str | None, ...]) -> "Arrival":
        """The same with the publishers of several events."""
        other = self.otherwise.by_all(publishers) if self.otherwise is not None else None
        return replace(self, publishers=publishers, otherwise=other)

    def under_own_id(self) -> "Arrival":
        """The same under an id that no other publisher can use."""
        id_ = duplicates.own_id(self.fact.id, self.publisher)
        return replace(
            self,
            fact=replace(self.fact, id=id_),
            body=duplicates.with_id(self.body, id_),
            otherwise=self.otherwise.under_own_id() if self.otherwise is not None else None,
        )

    @classmethod
    def of_reading(
        cls, reading: Reading, publisher: str | None, user: str | None, trace: TraceContext | None = None
    ) -> "Arrival":
        """The fact of a message that has been read."""
        other = reading.otherwise
        return cls(
            fact=reading.fact,
            body=reading.body,
            publisher=publisher,
            user=user,
            sent=reading.sent,
            names=reading.names,
            awaits=reading.awaits,
            otherwise=cls.of_reading(other, publisher, user, trace) if other is not None else None,
            trace=trace,
        )
