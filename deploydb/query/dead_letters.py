"""The dead letters of the broker, as they are answered."""

from msgspec import Struct

from deploydb.query.bodies import body_of
from deploydb.store.dead_letters import DeadLetters


class DeadLetterQueue(Struct, frozen=True, kw_only=True):
    """The `queue` with dead letters: how many are in it, and since when it has not been empty. `text`: in a line."""

    queue: str
    ready: int
    since: str
    text: str


def dead_body(letters: DeadLetters) -> DeadLetterQueue:
    return body_of(DeadLetterQueue, letters, text=dead_text(letters))


def dead_text(letters: DeadLetters) -> str:
    """`2 messages are dead-lettered, in the queue deploydb.dead`."""
    messages = "1 message is" if letters.ready == 1 else f"{letters.ready} messages are"
    return f"{messages} dead-lettered, in the queue {letters.queue}"
