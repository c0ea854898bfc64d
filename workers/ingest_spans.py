"""The spans of ingest: one for each event, from its recording to the commit."""

from deploydb.broker.port import Delivery
from deploydb.broker.topology import INGEST_QUEUE
from deploydb.domain.model.errors import Forbidden, MessageRejected
from deploydb.domain.model.facts import type_of
from deploydb.domain.model.trace import TraceContext, place_in, trace_of
from deploydb.store.arrival import Arrival
from deploydb.store.trace_contexts import Traced
from deploydb.tracing import Span, Tracer, messaging

_NAME = f"process {INGEST_QUEUE}"
_LONGEST_REASON = 1000


class IngestSpans:
    """An event with a place in a trace continues it, one about a deployment continues the deployment's, another one
    begins its own. Where a report names another trace than its deployment's, it is linked."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._begun: dict[tuple[str, str], Span] = {}

    @property
    def traced(self) -> Traced | None:
        """What begins them; None where there are none."""
        return self._begin if self._tracer.is_on else None

    def refuse(self, delivery: Delivery, refused: MessageRejected, arrival: Arrival | None) -> None:
        """End the span of an event that is refused. One of which nothing was to be recorded gets it now, by the headers
        of its delivery. `arrival`: None for a message that is no event."""
        span = None
        if arrival is not None and not isinstance(refused, Forbidden):  # of the same id there may be another event
            span = self._begun.pop((arrival.fact.source, arrival.fact.id), None)
        if span is None:
            attributes = messaging("process", INGEST_QUEUE, delivery.message_id)
            span = self._tracer.begin(_NAME, "consumer", trace_of(delivery.headers), attributes)
        span.end(error=refused.reason[:_LONGEST_REASON])

    def end(self) -> None:
        """End those of a batch, which is committed."""
        for span in self._begun.values():
            span.end()
        self._begun.clear()

    def _begin(self, arrival: Arrival, trace: TraceContext | None) -> TraceContext | None:
        """In the thread that records. An attempt after a failed one, or a duplicate, begins it again."""
        fact, given = arrival.fact, arrival.trace
        place = place_in(trace, given)
        attributes = messaging("process", INGEST_QUEUE, fact.id)
        attributes |= {"cloudevents.event_id": fact.id, "cloudevents.event_source": fact.source}
        attributes["cloudevents.event_type"] = type_of(fact)
        links = (given,) if given is not None and given != place else ()
        before = self._begun.get((fact.source, fact.id))
        if before is not None:  # its place may be stored already
            before.end(error="done again")
        span = self._tracer.begin(_NAME, "consumer", place, attributes, links)
        self._begun[fact.source, fact.id] = span
        return span.context
