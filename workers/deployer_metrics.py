"""The metrics of a deployer."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deploydb.http.metrics import from_zero


class DeployerMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.commands = from_zero(
            Counter(
                "deploydb_deployer_commands_total",
                "Commands taken, by result: succeeded, failed, repeated (had ended before, reported again), refused "
                "(dead-lettered).",
                ["result"],
                registry=registry,
            ),
            "succeeded",
            "failed",
            "repeated",
            "refused",
        )
        self.running = Gauge("deploydb_deployer_running", "Runs under way.", registry=registry)
        self.run_seconds = Histogram(
            "deploydb_deployer_run_seconds",
            "Length of a run.",
            buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
            registry=registry,
        )
