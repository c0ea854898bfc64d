"""The metrics of ingest."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram

from deploydb.http.metrics import ResultCounter

IngestResult = Literal["stored", "duplicate", "refused"]


class IngestMetrics:
    def __init__(self, registry: CollectorRegistry, *, largest: int) -> None:
        self.events: ResultCounter[IngestResult] = ResultCounter(
            Counter(
                "deploydb_ingest_events_total",
                "Messages taken from the queue and acked, by result: stored, duplicate (already stored), or refused "
                "(dead-lettered).",
                ["result"],
                registry=registry,
            ),
            get_args(IngestResult),
        )
        self.forbidden = Counter(
            "deploydb_ingest_forbidden_total",
            "Dead-lettered facts that their publisher may not say by access.yml, by the right that it lacks.",
            ["lacks"],
            registry=registry,
        )
        self.differing = Counter(
            "deploydb_ingest_differing_duplicates_total",
            "Facts that differ from the stored one with their source and id, by publisher: same (dropped), or other "
            "(stored beside it).",
            ["publisher"],
            registry=registry,
        )
        self.unmatched = Counter(
            "deploydb_ingest_unmatched_total",
            "Stored facts about a deployment or command that is not known (yet).",
            registry=registry,
        )
        self.clamped = Counter(
            "deploydb_ingest_clamped_total",
            "Stored facts with a time more than 5 minutes ahead; that of their arrival counts.",
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "deploydb_ingest_batch_seconds",
            "From the receipt of a batch to its ack.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30),
            registry=registry,
        )
        self.batch_events = Histogram(
            "deploydb_ingest_batch_events",
            "Messages in a batch; always at the largest: run another ingest.",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, largest),
            registry=registry,
        )
