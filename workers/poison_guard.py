"""The queue as ingest takes from it: with caution first, then with both hands.

What kills a worker each time it is touched comes together with up to a prefetch of innocent messages, each counted as
delivered, and at the delivery limit they would be dead-lettered with it. Alone, it is the only one that is counted. So
a connection begins with a prefetch of 1, and as returned messages come before all others, caution is over with the
first message that has done nothing, or with none.
"""

from collections.abc import Callable
from typing import Self

from deploydb.broker.port import PREFETCH, Delivery, Inbound

SUSPICIOUS_AFTER = 3
"""Deliveries that failed before. Restarts alone give a message back once or twice."""
_MAX_DIGITS = 19


class PoisonGuard:
    """Connections to the queue, one at a time. `open_inbound` gets the prefetch."""

    def __init__(self, open_inbound: Callable[[int], Inbound]) -> None:
        self._open = open_inbound
        self.cautious = True
        self.inbound = open_inbound(1)

    def trust(self) -> None:
        """Go on with the full prefetch. Nothing may be in hand."""
        self.inbound.close()
        self.inbound = self._open(PREFETCH)
        self.cautious = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.inbound.close()


def suspicious(delivery: Delivery) -> bool:
    """Whether it was given back too often for restarts alone; where the broker does not count, whether at all.

    A quorum queue counts in `x-delivery-count`, from 1 with the first redelivery.
    """
    if not delivery.redelivered:
        return False  # a count in its headers is its publisher's
    count = delivery.headers.get("x-delivery-count", "")
    return int(count) >= SUSPICIOUS_AFTER if count.isdecimal() and len(count) < _MAX_DIGITS else True
