"""The metrics of a deployer."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deploydb.http.metrics import ResultCounter

RunResult = Literal["succeeded", "failed", "repeated", "refused"]


class DeployerMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.commands: ResultCounter[RunResult] = ResultCounter(
            Counter(
                "deploydb_deployer_commands_total",
                "Commands taken, by result: succeeded, failed, repeated (had ended before, reported again), refused "
                "(dead-lettered).",
                ["result"],
                registry=registry,
            ),
            get_args(RunResult),
        )
        self.running = Gauge("deploydb_deployer_running", "Runs under way.", registry=registry)
        self.run_seconds = Histogram(
            "deploydb_deployer_run_seconds",
            "Duration of a run.",
            buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
            registry=registry,
        )
