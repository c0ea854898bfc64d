"""The link from a flow to the trace of its release."""

from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from deploydb.domain.model.errors import Misconfigured
from deploydb.query.app import application
from deploydb.query.trace_links import trace_link
from deploydb.store.arrival import Arrival
from deploydb.store.record import record
from tests.scenario import Scenario
from tests.workers.in_process import published

TRACE = "0af7651916cd43dd8448eb211c80319c"
ADDRESS = "https://jaeger.example/trace/{trace_id}?uiEmbed=v0"


def client(world: Scenario, **more: Any) -> TestClient:
    app = application(world.engine, lambda: world.catalog, log=structlog.get_logger(), clock=lambda: world.now, **more)
    return TestClient(app)


def test_the_page_of_a_flow_links_to_the_trace_of_its_release(database_url: str) -> None:
    with Scenario(database_url) as world:
        for version, headers in (("1.0", {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}), ("1.1", {})):
            arrival = Arrival.of(published(version), arrived_at=world.now, publisher="tests", headers=headers)
            record(world.engine, [arrival], world.now)
        world.evaluate()
        link = f"https://jaeger.example/trace/{TRACE}?uiEmbed=v0"
        with client(world, trace_url=ADDRESS) as configured:
            flows = {
                flow["trace"]: flow
                for flow in (configured.get(f"/flows/{id_}.json").json() for id_ in (1, 2))
                if "trace" in flow
            }
            assert list(flows) == [TRACE]
            assert flows[TRACE]["traceUrl"] == link
            page = configured.get(f"/flows/{flows[TRACE]['id']}", headers={"accept": "text/html"}).text
            assert f'href="{link}"' in page
        with client(world) as plain:
            flow = plain.get(f"/flows/{flows[TRACE]['id']}.json").json()
            assert (flow["trace"], "traceUrl" in flow) == (TRACE, False)


def test_a_trace_that_is_not_sampled_has_no_link(sqlite_url: str) -> None:
    with Scenario(sqlite_url) as world:
        headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-00"}
        arrival = Arrival.of(published("1.0"), arrived_at=world.now, publisher="tests", headers=headers)
        record(world.engine, [arrival], world.now)
        world.evaluate()
        with client(world, trace_url=ADDRESS) as configured:
            flow = configured.get("/flows/1.json").json()
        assert (flow["trace"], "traceUrl" in flow) == (TRACE, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("jaeger/{trace_id}", "jaeger/{trace_id} is no http or https address"),
        ("javascript:{trace_id}", "javascript:{trace_id} is no http or https address"),
        ("https://alice:secret@jaeger/{trace_id}", "has a name or a password in it"),
        ("https://jaeger/trace", "has no {trace_id}: write it where the id of a trace belongs"),
        ("https://jaeger/{trace}/{trace_id}", "{trace} stands for nothing: write {trace_id}"),
        ("https://{trace_id}/", "put it into the path"),
    ],
)
def test_a_setting_that_is_no_address_of_traces_is_refused(text: str, problem: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        trace_link(text)
    assert str(refused.value).startswith("DEPLOYDB_TRACE_URL ")
    assert problem in str(refused.value)
