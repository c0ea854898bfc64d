"""A conversation with a tool, held: its requests are made, and it is sent the answers."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from deploydb.domain.formatting import error_text, in_words
from deploydb.domain.model.requests import Request
from deploydb.domain.model.trace import TraceContext
from deploydb.egress import Answer, Client, NoAnswer
from deploydb.orchestrators.conversation import UNREADABLE, Conversation, Trouble

T = TypeVar("T")

WITHIN_SECONDS = 40.0
"""A conversation asks nothing more after that: its last answer comes long before the lease ends."""
_MOST_REQUESTS = 20


def converse(
    conversation: Conversation[T],
    outgoing: Client,
    trace: TraceContext | None = None,
    *,
    within: float = WITHIN_SECONDS,
) -> T:
    """What the conversation finds out. `trace`: the place of its requests in a trace.

    Raises: Trouble, which says whether the tool has taken anything; Lost.
    """
    over_at = time.monotonic() + within
    taken = False
    step: Callable[[], Request] = partial(next, conversation)
    try:
        for _ in range(_MOST_REQUESTS):
            try:
                request = step()
            except StopIteration as ended:
                found: T = ended.value
                return found
            except UNREADABLE as error:
                raise Trouble(f"its answer cannot be read: {error_text(error)}") from error
            if time.monotonic() > over_at:
                step = partial(conversation.throw, _endless(within))
                continue
            if trace is not None:
                request = replace(request, headers=(*request.headers, *trace.headers().items()))
            answer = _answer(outgoing, request)
            taken = taken or (request.method in ("POST", "PUT") and _may_be_taken(answer))
            if isinstance(answer, NoAnswer):
                trouble = Trouble(f"{request.method} {request.url.partition('?')[0]}: {answer.reason}", later=True)
                step = partial(conversation.throw, trouble)
            else:
                step = partial(conversation.send, answer)
        raise _endless(within)
    except Trouble as trouble:
        trouble.untaken = not taken
        raise
    finally:
        conversation.close()


def _answer(outgoing: Client, request: Request) -> Answer | NoAnswer:
    try:
        return outgoing.ask(request)
    except Exception as error:  # of an address that an answer has named: no other command stops for it
        return NoAnswer(reason=f"no answer: {error_text(error)}")


def _may_be_taken(answer: Answer | NoAnswer) -> bool:
    if isinstance(answer, NoAnswer):
        return answer.sent
    return not 400 <= answer.status < 500 or answer.status == 408


def _endless(within: float) -> Trouble:
    return Trouble(f"no end after {in_words(timedelta(seconds=within))}", later=True)
