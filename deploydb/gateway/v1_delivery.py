"""Facts of v1 writes on their way: to the broker, into the log, and through the evaluation of their effect."""

from functools import partial

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import AboutApproval, Fact, type_of
from deploydb.domain.unsafe_characters import encoded_visibly
from deploydb.gateway.delivery import WAIT_SECONDS, wanted_wait
from deploydb.gateway.ledger import Ledger
from deploydb.gateway.permissions import Permissions
from deploydb.gateway.publishing import Publisher, message_of
from deploydb.store.effects.effect import is_evaluated
from deploydb.telemetry import Log


class V1Delivery:
    """Publishes facts with a confirm, and waits until promotion has evaluated them."""

    def __init__(
        self,
        ledger: Ledger,
        publisher: Publisher,
        permissions: Permissions,
        *,
        log: Log,
        registry: CollectorRegistry,
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._permissions = permissions
        self._log = log
        self._writes = Counter(
            "deploydb_gateway_v1_writes_total",
            "Writes of the v1 interface, by type of fact and result: evaluated, confirmed (evaluated later than the "
            "answer), unconfirmed (503).",
            ["type", "result"],
            registry=registry,
        )

    async def deliver(self, fact: Fact, request: Request) -> bool:
        """Whether the effect of a fact can be read within the wait of the request. The broker has it in any case.

        Raises: HTTPException 403 where access.yml does not let the client say it, 422 for what ingest would refuse, 503
        without a confirm of the broker.
        """
        publisher = fact.source.removeprefix("gateway/")
        about = {"type": type_of(fact), "fact": f"{fact.source}/{fact.id}"}
        try:
            message = message_of(fact, publisher)
        except MessageRejected as error:
            raise HTTPException(422, str(error)) from error
        by_person = isinstance(fact, AboutApproval)
        await self._permissions.require(fact, publisher, listed=not by_person)
        unconfirmed = self._writes.labels(type_of(fact), "unconfirmed")
        again = "send it again, it counts once"
        await self._publisher.confirm([message], again, log=self._log, unconfirmed=unconfirmed, **about)
        wait = wanted_wait(request)
        seconds = WAIT_SECONDS if wait is None else wait
        look = partial(is_evaluated, source=fact.source, id_=fact.id)
        evaluated = bool(await self._ledger.await_found(look, bool, seconds, **about))
        self._writes.labels(type_of(fact), "evaluated" if evaluated else "confirmed").inc()
        self._log.info("v1 write", evaluated=evaluated, **about)
        return evaluated


def answer(request: Request, status: int, body: Struct, media_type: str, location: str | None = None) -> Response:
    """The answer with a body of v1."""
    return Response(
        encoded_visibly(msgspec.json.encode(body)), status, _headers(request, location), media_type=media_type
    )


class _Accepted(Struct, frozen=True, kw_only=True):
    code: int = 202
    message: str = "accepted: the broker has it, and its effect cannot be read yet"


def accepted(request: Request, media_type: str, location: str) -> Response:
    """202: the effect will be at `location`."""
    return answer(request, 202, _Accepted(), media_type, location)


def _headers(request: Request, location: str | None) -> dict[str, str]:
    wait = wanted_wait(request)
    applied = {"Preference-Applied": f"wait={wait:.0f}"} if wait is not None else {}
    return applied | ({"Location": location} if location is not None else {})
