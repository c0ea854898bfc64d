"""One call of an endpoint: a request to a webhook, or a report to a code host."""

import threading
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.configuration import LiveCatalog
from deploydb.domain.formatting import error_text
from deploydb.domain.model.trace import trace_of
from deploydb.domain.webhook_attempts import FailedCall
from deploydb.egress import Answer, Client, NoAnswer, Request
from deploydb.reports.report import is_overtaken
from deploydb.store import webhook_deliveries
from deploydb.store.webhook_deliveries import OpenDelivery
from deploydb.tracing import Tracer

from .webhook_endpoints import Variable, named_endpoint, request_to
from .webhook_reports import send_report


class WebhookCaller:
    """Makes calls, from any thread. `reading`: held while the database is read."""

    def __init__(
        self,
        engine: sa.Engine,
        live: LiveCatalog,
        outgoing: Client,
        variable: Variable,
        *,
        clock: Callable[[], datetime],
        reading: threading.Semaphore,
        tracer: Tracer,
    ) -> None:
        self._tracer = tracer
        self._engine = engine
        self._live = live
        self._outgoing = outgoing
        self._variable = variable
        self._clock = clock
        self._reading = reading

    def call(self, endpoint: str, delivery: OpenDelivery) -> Answer | NoAnswer | FailedCall | None:
        """Its result; None for a report that is replayed, and that a later one has overtaken.

        Raises: as `store.engine.reading`, where the database is away.
        """
        trace = trace_of(delivery.headers)
        if trace is None or not self._tracer.is_on:
            return self._call(endpoint, delivery)
        span = self._tracer.begin("POST", "client", trace, {"http.request.method": "POST"})
        headers = delivery.headers | (span.context or trace).headers()
        answer = self._call(endpoint, replace(delivery, headers=headers))
        if isinstance(answer, Answer):
            error = str(answer.status) if answer.status >= 400 else None
            span.end({"http.response.status_code": answer.status}, error=error)
        else:
            span.end(error="no answer" if answer is not None else None)
        return answer

    def _call(self, endpoint: str, delivery: OpenDelivery) -> Answer | NoAnswer | FailedCall | None:
        named = named_endpoint(self._live.catalog, endpoint)
        reported = named is not None and named.report is not None
        later: list[str] = []
        if reported and delivery.opened_at > delivery.created_at:
            with self._reading:
                later = webhook_deliveries.delivered_after(self._engine, endpoint, delivery)
        try:
            if later and is_overtaken(delivery.body, later):
                return None
            if named is not None and reported:
                return send_report(named, delivery, self._outgoing, self._variable)
            request = request_to(endpoint, delivery, self._live.catalog, self._variable, self._clock())
            return self._outgoing.ask(request) if isinstance(request, Request) else request
        except Exception as error:  # no other endpoint stops for it
            return FailedCall(problem=f"no request: {error_text(error)}")
