"""The metrics of `orchestrate`."""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deploydb.http.metrics import ResultCounter

CommandResult = Literal["taken", "succeeded", "failed", "closed", "dead_lettered"]

FAILING_FROM = 3
"""Failures of a command's tool, one after the other, from which it is reported."""
STATES = ("taken", "starting", "started")


class OrchestrateMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.commands: ResultCounter[CommandResult] = ResultCounter(
            Counter(
                "deploydb_orchestrate_commands_total",
                "Commands, by result: taken, succeeded, failed, closed (its deployment has ended otherwise), "
                "dead_lettered (no command).",
                ["result"],
                registry=registry,
            ),
            get_args(CommandResult),
        )
        self.failures = Counter(
            "deploydb_orchestrate_failures_total",
            "Starts and looks that a tool did not answer well.",
            ["orchestrator"],
            registry=registry,
        )
        self.seconds = Histogram(
            "deploydb_orchestrate_step_duration_seconds",
            "Duration of a start or of a look.",
            buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 40),
            registry=registry,
        )
        self.open = Gauge(
            "deploydb_orchestrate_open_commands",
            "Open commands, by state: taken, starting, started.",
            ["state"],
            registry=registry,
        )
        self.failing = Gauge(
            "deploydb_orchestrate_failing_commands",
            f"Open commands whose tool has failed {FAILING_FROM} times or more one after the other.",
            registry=registry,
        )
