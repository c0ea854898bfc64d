"""The metrics of `verify`."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deploydb.http.metrics import ResultCounter

AskedResult = Literal["passed", "failed", "pending", "errored", "dropped"]


class VerifyMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.asked: ResultCounter[AskedResult] = ResultCounter(
            Counter(
                "deploydb_checks_total",
                "Checks by result: passed, failed (final), pending (not yet), errored (no answer), dropped (repeated).",
                ["result"],
                registry=registry,
            ),
            get_args(AskedResult),
        )
        self.seconds = Histogram(
            "deploydb_check_duration_seconds",
            "Duration of a check.",
            buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60),
            registry=registry,
        )
        self.in_progress = Gauge("deploydb_checks_in_progress", "Checks under way.", registry=registry)
        self.open = Gauge("deploydb_checks_pending", "Pending checks.", registry=registry)
        self.late_seconds = Gauge(
            "deploydb_verify_late_seconds", "How long the oldest due check waits, 0 for none.", registry=registry
        )
