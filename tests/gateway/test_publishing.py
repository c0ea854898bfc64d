"""The publisher keeps one connection, and makes another one where it was lost in the quiet."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from deploydb.broker.port import Message, Outbound, Receipt
from deploydb.domain.model.errors import MessageRejected, Misconfigured, Transient
from deploydb.domain.model.facts import ApprovalGiven
from deploydb.gateway.publishing import Publisher, message_of
from deploydb.wire.native import decode_fact

APPROVAL = ApprovalGiven(
    id="1",
    source="gateway/alice",
    time=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
    service="foo",
    environment="dev",
    version="1.0",
    promotion="manual",
    by="alice",
)
LOST = Transient("the connection is lost")
NOT_BOUND = "no queue is bound"


class Scripted:
    """A broker whose connections answer by script: an error, or a receipt's state; confirmed after its end."""

    def __init__(self, *script: Exception | str) -> None:
        self.opened = 0
        self.closed = 0
        self.taken: list[str] = []
        self.blocked = False
        self._script = list(script)

    def open(self) -> Outbound:
        self.opened += 1
        return self  # type: ignore[return-value]

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        statement: Any = self._script.pop(0) if self._script else "confirmed"
        if isinstance(statement, Exception):
            raise statement
        self.taken += [message.message_id for message in messages]
        return [Receipt(message_id=message.message_id, state=statement, detail=NOT_BOUND) for message in messages]

    def close(self) -> None:
        self.closed += 1


def publish(broker: Scripted, times: int = 1) -> None:
    publisher = Publisher(broker.open)

    async def say() -> None:
        for _ in range(times):
            await publisher.publish([message_of(APPROVAL)])

    try:
        asyncio.run(say())
    finally:
        publisher.close()


def test_a_connection_is_kept() -> None:
    broker = Scripted()
    publish(broker, times=3)
    assert (broker.opened, broker.closed, len(broker.taken)) == (1, 1, 3)


def test_one_that_was_lost_in_the_quiet_is_made_again_and_the_message_is_the_same() -> None:
    broker = Scripted("confirmed", LOST)
    publish(broker, times=2)
    assert (broker.opened, broker.closed) == (2, 2)
    assert len(set(broker.taken)) == 1


def test_a_broker_that_is_away_is_reported_at_once() -> None:
    broker = Scripted(LOST)
    with pytest.raises(Transient, match="the connection is lost"):
        publish(broker)
    assert (broker.opened, broker.closed) == (1, 1)


@pytest.mark.parametrize(("state", "error"), [("returned", Misconfigured), ("refused", Transient)])
def test_only_confirmed_is_kept(state: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=NOT_BOUND):
        publish(Scripted(state))


def test_what_ingest_would_refuse_is_not_sent() -> None:
    assert decode_fact(message_of(APPROVAL).body, arrived_at=datetime.now(UTC)) == APPROVAL
    with pytest.raises(MessageRejected):
        message_of(ApprovalGiven(id="x" * 300, source="s", deployment=1, promotion="p", by="b"))


def test_the_message_s_id_is_bounded_and_differs_by_person_and_word() -> None:
    others = [
        APPROVAL,
        ApprovalGiven(id="2", source="gateway/alice", deployment=1, promotion="p", by="a"),
        ApprovalGiven(id="1", source="gateway/bob", deployment=1, promotion="p", by="a"),
        ApprovalGiven(id="1", source="gateway/" + "ü" * 200, deployment=1, promotion="p", by="a"),
    ]
    idents = [message_of(one).message_id for one in others]
    assert len(set(idents)) == 4
    assert all(len(ident.encode()) <= 255 for ident in idents)
