"""Facts on their way to the broker, each with its confirm."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256

from msgspec.structs import replace
from prometheus_client import Counter
from starlette.exceptions import HTTPException

from deploydb.broker.port import SENT_FOR, Message, Outbound, Receipt
from deploydb.broker.topology import EVENTS
from deploydb.domain.model.errors import DeployDBError, Misconfigured, Transient
from deploydb.domain.model.facts import Fact, type_of
from deploydb.http.traces import place_of_request
from deploydb.telemetry import Log
from deploydb.wire.native import FACT_CONTENT_TYPE, decode_fact, encode_fact

CONFIRM_WITHIN_SECONDS = 10.0
"""No client waits longer for an answer."""
_LOOK_WITHIN_SECONDS = 3.0


def message_of(fact: Fact, publisher: str | None = None) -> Message:
    """The message that says a fact; the same fact makes the same message each time. `publisher`: for whom it is sent.

    Raises: Refused where ingest would refuse it.
    """
    body = encode_fact(fact)
    decode_fact(body, arrived_at=datetime.now(UTC))
    return message_of_body(fact, body, content_type=FACT_CONTENT_TYPE, publisher=publisher)


def message_of_body(
    fact: Fact,
    body: bytes,
    *,
    content_type: str,
    headers: Mapping[str, str] | None = None,
    publisher: str | None = None,
) -> Message:
    """The message with a body that says the fact, in whatever format. `publisher`: as for `message_of`."""
    ident = sha256(f"{fact.source}\0{fact.id}".encode()).hexdigest()
    sender = {SENT_FOR: publisher} if publisher is not None else {}
    return Message(
        exchange=EVENTS,
        routing_key=type_of(fact),
        body=body,
        message_id=f"gateway-{ident}",
        content_type=content_type,
        headers={**(headers or {}), **sender},
    )


class Publisher:
    """One connection, owned by one thread. It opens with the first message, and again after trouble."""

    def __init__(self, open_outbound: Callable[[], Outbound]) -> None:
        self._open = open_outbound
        self._outbound: Outbound | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="publishing")

    async def confirm(
        self, messages: Sequence[Message], again: str, *, log: Log, unconfirmed: Counter, **about: object
    ) -> None:
        """Publish for an answer. `again`: what the client is to do otherwise; `unconfirmed` counts that.

        Raises: HTTPException 503 where the broker does not confirm them all.
        """
        try:
            await self.publish(messages)
        except (Transient, Misconfigured) as error:
            unconfirmed.inc(len(messages))
            log.warning("the broker has not confirmed", reason=str(error), **about)
            problem = f"the broker has not confirmed it: {again}"
            raise HTTPException(503, problem, {"Retry-After": "1"}) from error

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return once the broker has them all in a queue.

        Raises: Transient where it does not say so in time (it may have them: sent again each counts once);
        Misconfigured where no queue is bound for one.
        """
        place = place_of_request()
        if place is not None:
            messages = [replace(message, headers={**message.headers, **place.headers()}) for message in messages]
        asked = asyncio.get_running_loop().run_in_executor(self._thread, self._publish, messages)
        try:
            receipts = await asyncio.wait_for(asked, CONFIRM_WITHIN_SECONDS)
        except TimeoutError as error:
            raise Transient(f"the broker has not confirmed it within {CONFIRM_WITHIN_SECONDS:.0f} s") from error
        for message, receipt in zip(messages, receipts, strict=True):
            match receipt.state:
                case "returned":
                    reason = f"no queue is bound to {message.exchange} for it ({receipt.detail})"
                    raise Misconfigured(f"{reason}: run `deploydb broker provision`")
                case "refused":
                    raise Transient(f"the broker refused it: {receipt.detail}")
                case "confirmed":
                    pass

    def look(self) -> None:
        """Return only where the broker can be published to, as far as is known. Raises: Transient; Misconfigured."""
        try:
            self._thread.submit(self._look).result(_LOOK_WITHIN_SECONDS)
        except TimeoutError as error:
            raise Transient(f"the broker has not answered within {_LOOK_WITHIN_SECONDS:.0f} s") from error

    def close(self) -> None:
        """Let go of the connection, if there is one."""
        self._thread.submit(self._let_go)
        self._thread.shutdown(wait=True, cancel_futures=False)

    def _publish(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        kept = self._outbound is not None
        try:
            return self._once(messages)
        except Transient:
            if not kept:
                raise
        return self._once(messages)  # the connection may have been lost while it was idle

    def _once(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        try:
            return self._connected().publish(messages)
        except DeployDBError:
            self._let_go()
            raise

    def _look(self) -> None:
        if self._outbound is not None and self._outbound.blocked:
            raise Transient("the broker has stopped taking messages: it is out of memory or disk")
        kept = self._outbound is not None
        try:
            self._connected().ping()
        except DeployDBError:
            self._let_go()
            if not kept:
                raise
            self._connected().ping()  # one that was lost meanwhile is no reason

    def _connected(self) -> Outbound:
        if self._outbound is None:
            self._outbound = self._open()
        return self._outbound

    def _let_go(self) -> None:
        if self._outbound is not None:
            self._outbound.close()
            self._outbound = None
