"""Publishing into the file: one transaction for each call."""

import os
import pwd
from collections.abc import Sequence
from datetime import UTC, datetime

from deploydb.broker.address import EmbeddedAddress
from deploydb.broker.embedded.depths import depth_of
from deploydb.broker.embedded.file import open_file, translate_errors, writing
from deploydb.broker.embedded.routing import Router
from deploydb.broker.errors import PROVISION
from deploydb.broker.port import Message, Outbound, QueueDepth, Receipt, ReceiptState
from deploydb.disk_space import require_room
from deploydb.domain.model.errors import Misconfigured


class EmbeddedOutbound(Outbound):
    """`port.Outbound`. The publisher is the user of the operating system."""

    blocked = False

    def __init__(self, address: EmbeddedAddress) -> None:
        self._address = address
        self._connection = open_file(address, synchronous="FULL")
        self._user = user_name()

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        """All or nothing, confirmed by the commit."""
        receipts = []
        routed: list[tuple[Message, tuple[str, ...]]] = []
        with translate_errors(self._address), writing(self._connection):
            router = Router(self._connection)
            for message in messages:
                queues = router.queues(message.exchange, message.routing_key)
                if queues is None:
                    raise Misconfigured(
                        f"the exchange {message.exchange} does not exist on {self._address}: {PROVISION}"
                    )
                problem = message.unsendable
                state: ReceiptState = "refused" if problem else "confirmed" if queues else "returned"
                detail = problem or ("" if queues else "no queue is bound for it")
                receipts.append(
                    Receipt(message_id=message.message_id, state=state, detail=detail, unsendable=bool(problem))
                )
                if state == "confirmed":
                    routed.append((message, queues))
            router.insert(routed, user_id=self._user, now=datetime.now(UTC))
        return receipts

    def ping(self) -> None:
        """The lock is free, and the file can grow."""
        self.publish(())
        require_room(self._address.path.parent)

    def depths(self, queues: Sequence[str]) -> dict[str, QueueDepth]:
        with translate_errors(self._address):
            found = {queue: depth_of(self._connection, queue) for queue in queues}
        return {queue: depth for queue, depth in found.items() if depth is not None}

    def close(self) -> None:
        self._connection.close()


def user_name() -> str:
    """The user of this process by the operating system: an environment variable can be forged."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
