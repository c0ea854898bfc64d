"""The spans of requests, by their headers and their answers."""

from collections.abc import Sequence

import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from deploydb.domain.model.errors import Transient
from deploydb.http.application import application
from deploydb.http.traces import TraceMiddleware, place_of_request
from tests.workers.traces import OTHER, PARENT, TRACE, Spans


def answered(spans: Spans, path: str, headers: Sequence[tuple[str, str]] = ()) -> Response:
    """The answer to a POST: `/place` answers the headers for what it publishes, `/away` has no database."""

    async def place(_request: Request) -> Response:
        found = place_of_request()
        return PlainTextResponse(str(found.headers() if found is not None else {}))

    async def away(_request: Request) -> Response:
        raise Transient("away")

    routes = [Route("/place", place, methods=["POST"]), Route("/away", away, methods=["POST"])]
    middleware = [Middleware(TraceMiddleware, tracer=spans.tracer)]
    log = structlog.get_logger()
    app = application("tests", routes, registry=CollectorRegistry(), log=log, middleware=middleware)
    return TestClient(app, raise_server_exceptions=False).post(path, headers=list(headers))


def test_a_request_that_meets_an_outage_has_the_status_that_its_client_gets() -> None:
    spans = Spans()
    assert answered(spans, "/away").status_code == 503
    (span,) = spans.all()
    assert (span.attributes or {})["http.response.status_code"] == 503
    assert span.status.description == "503"


@pytest.mark.parametrize(
    ("headers", "continued", "state"),
    [
        ([("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")], True, "a=1,b=2"),
        ([("traceparent", PARENT), ("traceparent", OTHER)], False, None),
    ],
)
def test_of_several_headers_tracestates_are_one_and_traceparents_none(
    headers: list[tuple[str, str]], continued: bool, state: str | None
) -> None:
    text = answered(Spans(), "/place", headers).text
    assert (TRACE in text) is continued
    assert OTHER[3:35] not in text
    assert (state is None) is ("tracestate" not in text)
    assert state is None or state in text
