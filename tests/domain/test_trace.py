"""The place of a message in a trace, by the headers that it has."""

import pytest

from deploydb.domain.model.trace import TraceContext, place_in, trace_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize("name", ["traceparent", "ce-traceparent", "cloudEvents:traceparent"])
def test_headers_name_a_place(name: str) -> None:
    found = trace_of({name: PARENT})
    assert found == TraceContext(traceparent=PARENT)
    assert found is not None
    assert (found.trace_id, found.headers()) == (TRACE, {"traceparent": PARENT})


@pytest.mark.parametrize(
    "given",
    [
        "",
        PARENT.upper(),
        f"{PARENT}-00",
        f"ff{PARENT[2:]}",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}\n",
        PARENT.replace("0a", "\u0660a"),
        "x" * 100_000,
    ],
)
def test_what_is_no_traceparent_is_none(given: str) -> None:
    assert trace_of({"traceparent": given, "tracestate": "a=1"}) is None


def test_a_wrong_header_hides_no_right_one() -> None:
    assert trace_of({"traceparent": "wrong", "ce-traceparent": PARENT}) == TraceContext(traceparent=PARENT)


@pytest.mark.parametrize(("flags", "sampled"), [("01", True), ("03", True), ("00", False), ("02", False)])
def test_a_place_is_sampled_by_its_flag(flags: str, sampled: bool) -> None:
    assert TraceContext(traceparent=f"{PARENT[:-2]}{flags}").is_sampled is sampled


def test_a_tracestate_that_is_too_long_or_no_ascii_is_left_out() -> None:
    assert trace_of({"traceparent": PARENT, "tracestate": "a=1,b=2"}) == TraceContext(
        traceparent=PARENT, tracestate="a=1,b=2"
    )
    for wrong in ("", "x" * 513, "a=\xe9", "a=1\nb=2"):
        assert trace_of({"traceparent": PARENT, "tracestate": wrong}) == TraceContext(traceparent=PARENT)


def test_a_report_belongs_to_the_trace_of_its_deployment() -> None:
    stored = TraceContext(traceparent=PARENT)
    echoed = TraceContext(traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    other = TraceContext(traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert place_in(stored, None) == stored
    assert place_in(stored, echoed) == echoed
    assert place_in(stored, other) == stored
    assert place_in(None, other) == other
    assert place_in(None, None) is None
