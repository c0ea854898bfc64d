"""Places for answers that last: few at a time, and only some of them for one person or address."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from deploydb.http.connections import network_of

_AGAIN = {"Retry-After": "5"}


class Places:
    """`most` at a time, `most_each` of one client: the person where one is known, else the address. `what` names them
    in refusals."""

    def __init__(self, what: str, *, most: int, most_each: int) -> None:
        self._what = what
        self._most = most
        self._most_each = most_each
        self._taken: Counter[str] = Counter()

    def take(self, request: Request) -> Callable[[], None]:
        """A place for the answer to this request. Returns the call that frees it.

        Raises: HTTPException 429 where the client has all that it may have, 503 where all are taken.
        """
        client = _client(request)
        if self._taken[client] >= self._most_each:
            raise HTTPException(429, f"{self._most_each} {self._what} at a time for one client: end another", _AGAIN)
        if self._taken.total() >= self._most:
            raise HTTPException(503, f"all {self._most} {self._what} are taken: try again later", _AGAIN)
        self._taken[client] += 1

        def free() -> None:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]

        return free


class Lasting(StreamingResponse):
    """An answer on a place, which is free when the answer has ended: also where its client left before it began."""

    def __init__(
        self, parts: AsyncIterator[bytes], *, free: Callable[[], None], media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(parts, media_type=media_type, headers=headers)
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._free()


def _client(request: Request) -> str:
    person = getattr(request.state, "person", None)
    if person is not None:
        return f"person {person.name}"
    return f"address {network_of(request.client.host)}" if request.client is not None else "address"
