"""Publishing to RabbitMQ: pika's SelectConnection on a thread of its own, with a window of unconfirmed messages.

The thread sends heartbeats between publishes, and is the only one that touches the connection; `publish` hands it a
batch and waits. One confirm costs a round trip to the disks of the quorum; a window of them costs hardly more
(measured: 1,400 a second against 31,000).
"""

import threading
from collections.abc import Sequence
from itertools import takewhile
from time import monotonic, time
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.exceptions import ChannelClosed, ConnectionClosed
from pika.spec import Basic

from deploydb.broker.address import RabbitMQAddress
from deploydb.broker.depths_query import DepthsQuery
from deploydb.broker.errors import meaning
from deploydb.broker.pika_session import parameters, unreachable
from deploydb.broker.port import FRAME_BYTES, Message, Outbound, QueueDepth, Receipt, ReceiptState
from deploydb.domain.model.errors import Misconfigured, Transient

WINDOW_MESSAGES = 500
WINDOW_BYTES = 16 * 1024 * 1024
_OPEN_SECONDS = 20.0
_ANSWER_SECONDS = 30.0
"""Without one confirm for so long, the broker does not work, even with heartbeats."""
_FAREWELL_SECONDS = 2.0
_PERSISTENT = 2


class RabbitMQOutbound(Outbound):
    """`port.Outbound` on one channel of one connection."""

    def __init__(self, address: RabbitMQAddress, *, name: str) -> None:
        self._address = address
        self._loop = IOLoop()
        self._opened = threading.Event()
        self._failure: Transient | Misconfigured | None = None
        self._blocked: str | None = None
        self._connection: _Connection | None = None
        self._channel: Any = None
        self._batch: _Batch | None = None
        self._last_tag = 0
        self._in_flight: dict[int, tuple[_Batch, int]] = {}
        self._bytes_in_flight = 0
        self._returns: dict[tuple[str, str, str], str] = {}
        self._thread = threading.Thread(target=self._run, args=(name,), name=f"pika-{name}", daemon=True)
        self._thread.start()
        if not self._opened.wait(_OPEN_SECONDS):
            self._failure = Transient(f"{address} did not open a connection within {_OPEN_SECONDS:.0f} s")
        if self._failure is not None:
            self.close()
            raise _again(self._failure)

    @property
    def blocked(self) -> bool:
        return self._blocked is not None

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        if self._failure is not None:
            raise _again(self._failure)
        batch = _Batch(messages)
        self._loop.add_callback_threadsafe(lambda: self._begin(batch))
        while not batch.done.wait(1.0):
            if self._failure is not None:
                raise _again(self._failure)
            if monotonic() - batch.progress_at > _ANSWER_SECONDS:
                self.close()
                raise Transient(f"{self._address} has confirmed nothing for {_ANSWER_SECONDS:.0f} s")
        if batch.error is not None:
            raise _again(batch.error)
        return [receipt for receipt in batch.receipts if receipt is not None]

    def ping(self) -> None:
        self.publish(())

    def depths(self, queues: Sequence[str]) -> dict[str, QueueDepth]:
        if self._failure is not None:
            raise _again(self._failure)
        query, began_at = DepthsQuery(queues), monotonic()
        self._loop.add_callback_threadsafe(lambda: query.begin(self._connection))
        while not query.done.wait(1.0) and self._failure is None:
            if self._blocked is not None:
                raise self._blocked_error()
            if monotonic() - began_at > _ANSWER_SECONDS:
                self.close()
                raise Transient(f"{self._address} has not answered for {_ANSWER_SECONDS:.0f} s")
        if self._failure is not None:
            raise _again(self._failure)
        return query.found

    def close(self) -> None:
        """Without an answer to the farewell the socket is dropped."""
        if not self._thread.is_alive():
            return
        self._loop.add_callback_threadsafe(self._say_farewell)
        self._thread.join(_FAREWELL_SECONDS)
        if self._thread.is_alive():
            self._loop.add_callback_threadsafe(self._abort)
            self._thread.join(_FAREWELL_SECONDS)

    # The methods below run on the connection's thread.

    def _run(self, name: str) -> None:
        try:
            self._connection = _Connection(
                parameters(self._address, name=name),
                on_open_callback=self._on_open,
                on_open_error_callback=self._on_open_error,
                on_close_callback=self._on_close,
                custom_ioloop=self._loop,
            )
            self._loop.start()
        except Misconfigured as error:
            self._fail(error)
        except Exception as error:  # it must reach the caller, and not end with the thread
            self._fail(Transient(f"the connection to {self._address} is lost: {error!r}"))
        finally:
            self._fail(Transient(f"the connection to {self._address} is closed"))
            self._loop.close()

    def _on_open(self, connection: Any) -> None:  # noqa: ANN401  # pika has no types
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        connection.channel(on_open_callback=self._on_channel_open)

    def _on_channel_open(self, channel: Any) -> None:  # noqa: ANN401
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_close)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_answer, callback=lambda _frame: self._opened.set())

    def _on_open_error(self, _connection: object, error: BaseException) -> None:
        self._fail(unreachable(error, self._address))
        self._loop.stop()

    def _on_close(self, _connection: object, reason: BaseException) -> None:
        if isinstance(reason, ConnectionClosed):
            self._fail(meaning(reason.reply_code, reason.reply_text, self._address))
        self._fail(Transient(f"the connection to {self._address} is lost: {reason}"))
        self._loop.stop()

    def _on_channel_close(self, _channel: object, reason: BaseException) -> None:
        if isinstance(reason, ChannelClosed):
            self._fail(meaning(reason.reply_code, reason.reply_text, self._address))
        self._say_farewell()

    def _on_blocked(self, _connection: object, frame: Any) -> None:  # noqa: ANN401
        self._blocked = str(frame.method.reason)
        if self._batch is not None:
            self._batch.fail(self._blocked_error())
            self._batch = None

    def _on_unblocked(self, _connection: object, _frame: object) -> None:
        self._blocked = None

    def _begin(self, batch: "_Batch") -> None:
        if self._failure is not None:
            batch.fail(self._failure)
        elif self._blocked is not None:
            batch.fail(self._blocked_error())
        else:
            self._batch = batch
            if batch.messages:
                self._publish_more()
            else:
                # a request without effect: its answer shows that the peer is alive
                self._channel.basic_qos(callback=lambda _frame: self._answered(batch))

    def _answered(self, batch: "_Batch") -> None:
        batch.done.set()
        if self._batch is batch:
            self._batch = None

    def _publish_more(self) -> None:
        """Send while the window is open."""
        batch = self._batch
        while batch is not None and batch.next < len(batch.messages):
            if len(self._in_flight) >= WINDOW_MESSAGES or self._bytes_in_flight >= WINDOW_BYTES:
                return
            index, message = batch.next, batch.messages[batch.next]
            batch.next += 1
            if problem := message.unsendable_in(self._frame_bytes()):
                batch.settle(index, "refused", problem, unsendable=True)
                continue
            properties = pika.BasicProperties(
                content_type=message.content_type,
                delivery_mode=_PERSISTENT,
                message_id=message.message_id,
                timestamp=int(time()),
                user_id=self._address.user,
                headers=message.headers,
            )
            self._last_tag += 1
            self._in_flight[self._last_tag] = (batch, index)
            self._bytes_in_flight += len(message.body)
            self._channel.basic_publish(message.exchange, message.routing_key, message.body, properties, mandatory=True)
        if batch is not None and batch.done.is_set():
            self._batch = None

    def _on_return(self, _channel: object, method: Any, properties: Any, _body: bytes) -> None:  # noqa: ANN401
        # The broker sends it before the confirm of the same message.
        key = (properties.message_id, method.exchange, method.routing_key)
        self._returns[key] = f"{method.reply_code} {method.reply_text}"

    def _on_answer(self, frame: Any) -> None:  # noqa: ANN401
        method = frame.method
        confirmed = isinstance(method, Basic.Ack)
        last = method.delivery_tag
        if method.multiple:
            tags = list(takewhile(lambda tag: tag <= last, self._in_flight))  # ascending
        else:
            tags = [last] if last in self._in_flight else []
        for tag in tags:
            batch, index = self._in_flight.pop(tag)
            message = batch.messages[index]
            self._bytes_in_flight -= len(message.body)
            returned = self._returns.pop((message.message_id, message.exchange, message.routing_key), None)
            if returned is not None:
                batch.settle(index, "returned", f"no queue is bound for it: {returned}")
            elif confirmed:
                batch.settle(index, "confirmed")
            else:
                batch.settle(index, "refused", "the broker would not take it: a queue is full, or has no majority")
        self._publish_more()

    def _frame_bytes(self) -> int:
        """The frame size that was negotiated with the broker; 0 means any."""
        agreed = self._connection.params.frame_max if self._connection is not None else 0
        return int(agreed) or FRAME_BYTES

    def _blocked_error(self) -> Transient:
        return Transient(f"{self._address} has blocked publishing: {self._blocked}")

    def _fail(self, error: Transient | Misconfigured) -> None:
        """End the connection; the first reason counts."""
        if self._failure is None:
            self._failure = error
        self._blocked = None  # the end of the alarm is sent on this connection only
        if self._batch is not None:
            self._batch.fail(self._failure)
            self._batch = None
        self._opened.set()

    def _say_farewell(self) -> None:
        if self._connection is not None and not (self._connection.is_closing or self._connection.is_closed):
            self._connection.close()

    def _abort(self) -> None:
        # The socket is closed by a later turn of the loop, which `_on_close` then stops.
        self._loop.call_later(_FAREWELL_SECONDS / 2, self._loop.stop)
        if self._connection is not None and not self._connection.is_closed:
            self._connection.abort()


class _Connection(SelectConnection):  # type: ignore[misc]  # pika has no types
    def abort(self) -> None:
        self._adapter_disconnect_stream()


class _Batch:
    """The messages of one `publish`, and their receipts."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.receipts: list[Receipt | None] = [None] * len(messages)
        self.next = 0
        self.error: Transient | Misconfigured | None = None
        self.done = threading.Event()
        self.progress_at = monotonic()
        self._unanswered = len(messages)

    def settle(self, index: int, state: ReceiptState, detail: str = "", *, unsendable: bool = False) -> None:
        message_id = self.messages[index].message_id
        self.receipts[index] = Receipt(message_id=message_id, state=state, detail=detail, unsendable=unsendable)
        self._unanswered -= 1
        self.progress_at = monotonic()
        if not self._unanswered:
            self.done.set()

    def fail(self, error: Transient | Misconfigured) -> None:
        self.error = error
        self.done.set()


def _again(error: Transient | Misconfigured) -> Transient | Misconfigured:
    """A copy to raise: one exception raised twice mixes its tracebacks."""
    return type(error)(str(error))
