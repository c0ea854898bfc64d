"""The metrics of `notify`."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deploydb.http.metrics import ResultCounter

AttemptResult = Literal["delivered", "failed", "dead"]

FAILING_FROM = 5
"""Failures of an endpoint, one after the other, from which it is reported."""


class NotifyMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.notifications = Counter(
            "deploydb_notify_notifications_total", "Notifications taken from the queue.", registry=registry
        )
        self.attempts: ResultCounter[AttemptResult] = ResultCounter(
            Counter(
                "deploydb_notify_attempts_total",
                "Calls of webhooks, by result: delivered, failed (attempted again), dead (the last attempt).",
                ["result"],
                registry=registry,
            ),
            get_args(AttemptResult),
        )
        self.seconds = Histogram(
            "deploydb_notify_call_duration_seconds",
            "Duration of a call of a webhook.",
            buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10),
            registry=registry,
        )
        self.unreported = Counter(
            "deploydb_notify_unreported_total",
            "Notifications not reported to a code host: their release names no whole commit.",
            registry=registry,
        )
        self.pending = Gauge("deploydb_notify_pending_deliveries", "Deliveries that are open.", registry=registry)
        self.oldest_seconds = Gauge(
            "deploydb_notify_oldest_delivery_age_seconds",
            "Age of the oldest open delivery, 0 for none.",
            registry=registry,
        )
        self.dead = Gauge("deploydb_notify_dead_deliveries", "Deliveries that are given up.", registry=registry)
        self.failing = Gauge(
            "deploydb_notify_failing_endpoints",
            f"Endpoints with {FAILING_FROM} failures or more one after the other.",
            registry=registry,
        )
