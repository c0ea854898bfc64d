"""Checks of metrics by `verify`, on each database and a web server on loopback."""

from datetime import timedelta

import pytest

from tests.web import result
from tests.workers.verify_bench import Bench
from tests.workers.verify_bench import bench as bench


def test_a_metric_passes_at_once_without_a_duration(bench: Bench) -> None:
    bench.configure(bench.metric(query='sum(errors{version="{version}", job=~"{service}.*"})'))
    bench.web.vector("0.07", "0.005")
    bench.deployed('1.0"\\x')
    with bench.working():
        bench.until_done()
    assert bench.web.queries() == ['sum(errors{version="1.0\\"\\\\x", job=~"foo.*"})'] * 2
    pending, passed = bench.facts()
    assert pending[0] == "pending"
    assert pending[1].startswith("0.07 at ")
    assert pending[1].endswith("UTC, must be below 0.01")
    assert passed == ("passed", "0.005, below 0.01")


def test_a_version_writes_no_promql_wherever_it_stands(bench: Bench) -> None:
    query = """errors{a="{version}", b='{version}', c=`{version}`, d=~"{version}"}"""
    bench.configure(bench.metric(query=query))
    bench.web.vector("0.005")
    bench.deployed("""'"`}.""")
    with bench.working():
        bench.until_done()
    (asked,) = bench.web.queries()
    assert asked == """errors{a="'\\"`}.", b='\\'"`}.', c="'\\"`}.", d=~"'\\"`\\\\}\\\\."}"""


def test_a_metric_must_stay_there_for_its_time_without_a_break(bench: Bench) -> None:
    bench.configure(bench.metric(for_=timedelta(seconds=1.5)))
    bench.web.vector("0.001", "0.001", "0.5", "0.002")
    bench.deployed()
    with bench.working():
        bench.until_done()
    assert len(bench.web.asked) >= 5
    *_, held, broke, again, passed = [reason for _, reason in bench.facts()]
    assert held.startswith("below 0.01 since ")
    assert held.endswith("UTC, must stay so for 1s")
    assert broke.startswith("0.5 at ")
    assert again.startswith("below 0.01 since ")
    assert passed == "0.002, below 0.01 for 1s"


def test_a_metric_that_does_not_get_there_in_time_fails_with_its_last_value(bench: Bench) -> None:
    bench.configure(bench.metric(timeout=timedelta(seconds=5)))
    bench.web.vector("0.5")
    bench.deployed()
    with bench.working():
        bench.until_done()
    pending, failed = bench.facts()
    assert (pending[0], pending[1][:7]) == ("pending", "0.5 at ")
    assert failed == ("failed", "not within 5s: 0.5 at last, must be below 0.01")
    bench.heard()
    assert bench.world.statuses("1.0")["dev"] == "FAILED"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, result("vector", []), "the query gives no value"),
        (200, result("vector", [{"value": [1, "1"]}, {"value": [1, "2"]}]), "the query gives 2 values, expected one"),
        (200, result("scalar", [1.5, "NaN"]), "the query gives NaN"),
        (200, result("matrix", []), "the query gives a matrix, expected one value"),
        (400, b'{"status":"error","errorType":"bad_data","error":"parse error"}', "Prometheus: 400: parse error"),
        (502, b"<html>", "Prometheus: 502, and no answer of its API"),
        (200, b"[" * 100_000, "Prometheus: 200, and no answer of its API"),
        (200, b" " * 2_000_000, "Prometheus: the answer is longer than 1024 KiB"),
        (200, result("scalar", [1, "words"]), "Prometheus: 200, and no answer of its API"),
    ],
)
def test_what_is_no_value_is_no_answer_yet(bench: Bench, status: int, body: bytes, reason: str) -> None:
    bench.configure(bench.metric())
    bench.web.reply("/api/v1/query", (status, body), (200, result("scalar", [1, "0"])))
    bench.deployed()
    with bench.working():
        bench.until_done()
    errored, passed = bench.facts()
    assert errored[0] == "errored"
    assert errored[1].startswith(reason)
    assert passed == ("passed", "0, below 0.01")
