"""A query for the depths of queues on RabbitMQ, by callbacks on the connection of a `RabbitMQOutbound`.

A passive declaration needs no permission. One of a missing queue closes its channel, so they have one of their own.
"""

import threading
from collections.abc import Sequence
from typing import Any

from pika.exceptions import ChannelClosedByBroker

from deploydb.broker.port import QueueDepth


class DepthsQuery:
    """The passive declarations of some queues, one after the other. `found` is complete once `done` is set."""

    def __init__(self, queues: Sequence[str]) -> None:
        self.found: dict[str, QueueDepth] = {}
        self.done = threading.Event()
        self._left = list(queues)

    def begin(self, connection: Any) -> None:  # noqa: ANN401  # pika has no types
        """Begin, on the connection's thread."""

        def on_open(channel: Any) -> None:  # noqa: ANN401
            channel.add_on_close_callback(on_close)
            self._declare_next(channel)

        def on_close(_channel: object, reason: BaseException) -> None:
            if self._left and isinstance(reason, ChannelClosedByBroker):
                connection.channel(on_open_callback=on_open)
            else:
                self.done.set()

        connection.channel(on_open_callback=on_open)

    def _declare_next(self, channel: Any) -> None:  # noqa: ANN401
        if not self._left:
            channel.close()
            return
        queue = self._left.pop(0)

        def on_answer(frame: Any) -> None:  # noqa: ANN401
            self.found[queue] = QueueDepth(ready=frame.method.message_count, consumers=frame.method.consumer_count)
            self._declare_next(channel)

        channel.queue_declare(queue, passive=True, callback=on_answer)
