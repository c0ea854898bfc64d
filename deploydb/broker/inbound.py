"""Consuming from RabbitMQ: kombu's connection and channel, a loop of our own around them.

kombu's `ConsumerMixin` hangs in `close()` on a dead peer, and its `Consumer` decodes and decompresses bodies first. So
deliveries are assembled from the channel's frames (`delivery_decoder`), bodies stay bytes, and a lost connection is
dropped by `collect()`.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from ssl import SSLCertVerificationError
from time import monotonic
from typing import Any

from amqp.exceptions import AMQPError
from amqp.spec import Connection as ConnectionMethods
from amqp.spec import Queue as QueueMethods
from kombu.connection import Connection as KombuConnection

from deploydb.broker.address import RabbitMQAddress
from deploydb.broker.delivery_decoder import METHOD, Assembly
from deploydb.broker.errors import meaning, untrusted
from deploydb.broker.port import PREFETCH, TAKE_BYTES, Delivery, Inbound
from deploydb.broker.transport import BufferedTransport, Frame
from deploydb.domain.model.errors import Transient

HEARTBEAT_SECONDS = 30
_BEAT_SECONDS = HEARTBEAT_SECONDS / 3
_SILENCE_SECONDS = 45.0
"""The broker sends at least a heartbeat each half interval: silent for three of them, it is lost. Within 60 s."""
_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 15
"""A longer read in the middle of an answer, or write, has lost its peer."""

_FAREWELL_SECONDS = 1.0

_TORN_DOWN = (AttributeError, KeyError, TypeError)
"""py-amqp raises these after it has torn down its own connection."""

_CLOSE_OK = b"\0\x0a\0\x33"
"""Class 10, method 51: `connection.close-ok`."""
_DECLARE_OK = b"\0\x32\0\x0b"
"""Class 50, method 11: `queue.declare-ok`."""


class RabbitMQInbound(Inbound):
    """`port.Inbound` on one channel of one connection."""

    # py-amqp's connection and channel; None once they are dropped
    _amqp: Any = None
    _channel: Any = None
    _transport: Any = None

    def __init__(
        self,
        address: RabbitMQAddress,
        queue: str,
        *,
        name: str,
        prefetch: int = PREFETCH,
        body_bytes: int | None = None,
    ) -> None:
        self._address = address
        self._queue = queue
        self._arrived: deque[Delivery] = deque()
        self._arrived_bytes = 0
        self._assembly = Assembly(body_bytes)
        self._unacked: dict[int, Delivery] = {}
        self._heard = self._beat_at = monotonic()
        self._bytes_heard = 0
        self._asked_depth = False
        self._depth: int | None = None
        with self._dropped_on_error(opening=True):
            self._connect(name)
            self._channel.basic_qos(prefetch_size=0, prefetch_count=prefetch, a_global=False)
            self._channel.queue_declare(queue, passive=True)
            self._consumer = self._channel.basic_consume(queue, on_cancel=self._on_cancel)

    def receive(self, limit: int, wait: timedelta) -> list[Delivery]:
        with self._dropped_on_error():
            self._receive(limit, wait.total_seconds() if limit else 0.0)
            self._keep_alive()
        taken: list[Delivery] = []
        while self._arrived and len(taken) < limit:
            delivery = self._arrived.popleft()
            self._arrived_bytes -= len(delivery.body)
            self._unacked[delivery.tag] = delivery
            taken.append(delivery)
        return taken

    def waiting(self) -> int | None:
        """The answer comes behind earlier deliveries, which are read first. Once the buffer
        is full, the answer is left for a later call."""
        with self._dropped_on_error():
            if not self._asked_depth:
                arguments: tuple[object, ...] = (0, self._queue, True, False, False, False, False, {})
                self._channel.send_method(QueueMethods.Declare, "BsbbbbbF", arguments)
                self._asked_depth = True
            deadline = monotonic() + _ANSWER_SECONDS
            while self._depth is None and not self._is_full:
                if not self._transport.readable(max(0.0, deadline - monotonic())):
                    raise TimeoutError(f"no answer from the broker within {_ANSWER_SECONDS} s")
                self._dispatch(self._transport.read_frame())
        depth, self._depth = self._depth, None
        if depth is None:
            return None
        self._asked_depth = False
        return depth + len(self._arrived)

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """One frame for the oldest of all unacked, one each for the others."""
        tags = self._settled(deliveries)
        with self._dropped_on_error():
            oldest = 0
            for tag in self._unacked:  # in the order of their receipt: ascending
                if tag not in tags:
                    break
                oldest = tag
            if oldest:
                self._channel.basic_ack(oldest, multiple=True)
            for tag in sorted(tags):
                if tag > oldest:
                    self._channel.basic_ack(tag)
        self._forget(tags)

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Each counts as a delivery towards the queue's limit."""
        tags = self._settled(deliveries)
        with self._dropped_on_error():
            for tag in sorted(tags):
                self._channel.basic_reject(tag, requeue=True)
        self._forget(tags)

    def cancel(self) -> None:
        """Receive no more; unacked deliveries stay ours."""
        with self._dropped_on_error():
            self._channel.basic_cancel(self._consumer, nowait=True)

    def close(self) -> None:
        """Send `connection.close`, and wait a moment for the answer.

        Without it the last acks could be lost: a socket that is closed with unread messages is reset, with all that
        was sent on it.
        """
        if self._amqp is None:
            return
        try:
            self._amqp.send_method(ConnectionMethods.Close, "BsBB", (200, "closed by its owner", 0, 0))
            deadline = monotonic() + _FAREWELL_SECONDS
            transport = self._transport
            transport.sock.settimeout(_FAREWELL_SECONDS)
            while transport.readable(max(0.0, deadline - monotonic())) and monotonic() < deadline:
                kind, _channel, payload = transport.read_frame()
                if kind == METHOD and payload.startswith(_CLOSE_OK):
                    break
        except (AMQPError, OSError, *_TORN_DOWN):
            pass  # it is lost already
        finally:
            self._drop()

    def _connect(self, name: str) -> None:
        address = self._address
        context = {"context": address.tls_context(), "server_hostname": address.host} if address.tls else False
        settings: Any = KombuConnection(  # type: ignore[no-untyped-call]
            hostname=f"[{address.host}]" if ":" in address.host else address.host,
            port=address.port,
            userid=address.user,
            password=address.password,
            virtual_host=address.vhost,
            ssl=context,
            heartbeat=HEARTBEAT_SECONDS,
            connect_timeout=_CONNECT_SECONDS,
            transport=BufferedTransport,
            transport_options={
                "read_timeout": _ANSWER_SECONDS,
                "write_timeout": _ANSWER_SECONDS,
                "client_properties": {"connection_name": f"deploydb-{name}"},
            },
        )
        # One attempt: the owner retries, with its backoff.
        self._amqp = settings.transport.establish_connection()
        self._transport = self._amqp.transport  # py-amqp's attribute reconnects after a tear-down
        self._channel = self._amqp.channel()
        self._channel.auto_decode = False

    def _receive(self, limit: int, wait_seconds: float) -> None:
        """Read arrived messages, up to `limit` and `TAKE_BYTES`; wait for the first one only.

        Unread messages wait in the connection, and the broker keeps back the rest of the prefetch.
        """
        deadline = monotonic() + wait_seconds
        transport = self._transport
        while (limit == 0 or len(self._arrived) < limit) and not self._is_full:
            left = 0.0 if self._arrived else max(0.0, deadline - monotonic())
            if not transport.readable(min(left, _BEAT_SECONDS)):
                if self._arrived or monotonic() >= deadline:
                    return
                self._keep_alive()
                continue
            self._dispatch(transport.read_frame())

    def _dispatch(self, frame: Frame) -> None:
        kind, channel, payload = frame
        if channel and self._assembly.wants(kind, payload):
            delivery = self._assembly.add(kind, payload)
            if delivery is not None:
                self._arrived.append(delivery)
                self._arrived_bytes += len(delivery.body)
        elif kind == METHOD and payload.startswith(_DECLARE_OK):
            self._depth = int.from_bytes(payload[-8:-4])  # the number of consumers follows
        else:
            self._amqp.on_inbound_frame(frame)

    @property
    def _is_full(self) -> bool:
        return self._arrived_bytes >= TAKE_BYTES

    def _keep_alive(self) -> None:
        now = monotonic()
        if (heard := self._transport.bytes_read) != self._bytes_heard or self._is_full:  # full: nothing is read
            self._bytes_heard, self._heard = heard, now
        if now - self._heard > _SILENCE_SECONDS:
            raise TimeoutError(f"nothing was heard from the broker for {now - self._heard:.0f} s")
        if now - self._beat_at >= _BEAT_SECONDS:
            self._amqp.send_heartbeat()
            self._beat_at = now

    def _on_cancel(self, _consumer_tag: str) -> None:
        raise ConnectionResetError(f"the broker has cancelled our consumer of {self._queue}")

    def _settled(self, deliveries: Sequence[Delivery]) -> set[int]:
        """The tags of deliveries that are still ours: a tag is valid on its own connection only."""
        unacked = self._unacked
        return {delivery.tag for delivery in deliveries if unacked.get(delivery.tag) is delivery}

    def _forget(self, tags: Iterable[int]) -> None:
        for tag in tags:
            del self._unacked[tag]

    @contextmanager
    def _dropped_on_error(self, *, opening: bool = False) -> Iterator[None]:
        """Translate errors; after one the connection is dropped."""
        if self._amqp is None and not opening:
            raise Transient(f"the connection to {self._address} is closed")
        try:
            yield
        except AMQPError as error:
            self._drop()
            code, text = getattr(error, "reply_code", None) or 0, getattr(error, "reply_text", None) or str(error)
            raise meaning(int(code), str(text), self._address) from error
        except SSLCertVerificationError as error:
            self._drop()
            raise untrusted(error, self._address) from error
        except (OSError, *_TORN_DOWN) as error:
            self._drop()
            raise Transient(f"the connection to {self._address} is lost: {error}") from error

    def _drop(self) -> None:
        amqp, self._amqp, self._channel, self._transport = self._amqp, None, None, None
        self._arrived.clear()
        self._arrived_bytes = 0
        self._unacked.clear()
        if amqp is not None:
            amqp.collect()
