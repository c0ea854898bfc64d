"""Publishing now and then, where nothing goes on before the broker has confirmed."""

from collections.abc import Callable, Sequence

from deploydb.broker.dead_letter import bare
from deploydb.broker.port import Message, Outbound, Receipt
from deploydb.domain.model.errors import Misconfigured, Transient


class ConfirmedPublisher:
    """Sends dead letters and facts. Its connection opens with the first message, and again after trouble."""

    def __init__(self, open_outbound: Callable[[], Outbound]) -> None:
        self._open = open_outbound
        self._outbound: Outbound | None = None

    def publish(self, messages: Sequence[Message]) -> None:
        """Return once the broker has every message in a queue.

        Raises: Transient (send all again: consumers dedupe on the message id); Misconfigured where no queue is bound
        for one of them.
        """
        for message, receipt in zip(messages, self._receipts(messages), strict=True):
            _require_confirmed(message, receipt)

    def bury(self, letters: Sequence[Message]) -> None:
        """Return once the broker has every dead letter; those that it could never take go without their headers.

        Raises: as `publish`.
        """
        bared: list[Message] = []
        for message, receipt in zip(letters, self._receipts(letters), strict=True):
            if receipt.unsendable:
                bared.append(bare(message))
            else:
                _require_confirmed(message, receipt)
        if bared:
            self.publish(bared)

    def close(self) -> None:
        if self._outbound is not None:
            self._outbound.close()
            self._outbound = None

    def _receipts(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        if not messages:
            return ()
        if self._outbound is None:
            self._outbound = self._open()
        try:
            return self._outbound.publish(messages)
        except Transient:
            self.close()
            raise


def _require_confirmed(message: Message, receipt: Receipt) -> None:
    where = f"exchange {message.exchange} with routing key {message.routing_key}"
    match receipt.state:
        case "returned":
            raise Misconfigured(
                f"no queue takes what is published to {where} ({receipt.detail}): run `deploydb broker provision`"
            )
        case "refused":
            raise Transient(f"the broker refused message {message.message_id} to {where}: {receipt.detail}")
        case "confirmed":
            pass
