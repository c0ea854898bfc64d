"""Metrics: the registry of a process, its `/metrics`, and the metrics of a service's requests."""

from collections.abc import Mapping
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from deploydb.http.health import Health

_Result = TypeVar("_Result", bound=str)


def process_registry(health: Health) -> CollectorRegistry:
    """A registry with the metrics that every process has."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    add_readiness(registry, health)
    return registry


def add_readiness(registry: CollectorRegistry, health: Health) -> None:
    """`deploydb_ready`, asked with each scrape, which waits for servers as `/readyz` does."""
    ready = Gauge("deploydb_ready", "Whether /readyz answers with 200 (1), or with its reasons (0).", registry=registry)
    ready.set_function(lambda: float(health.ready().ready))


class ResultCounter(Generic[_Result]):
    """A counter with the one label `result`, whose values are `results`.

    It has a series for each from the start: where a series begins at 1, Prometheus sees no increase
    (https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics).
    """

    def __init__(self, counter: Counter, results: tuple[_Result, ...]) -> None:
        self._series = {result: counter.labels(result) for result in results}

    def count(self, result: _Result, number: int = 1) -> None:
        self._series[result].inc(number)


class LatestGauge:
    """A gauge with a series for each of the latest values: series whose labels are gone are removed."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._shown: set[tuple[str, ...]] = set()

    def show(self, values: Mapping[tuple[str, ...], float]) -> None:
        """The values by labels, all of them. No series that stays is missing meanwhile."""
        for labels, value in values.items():
            self._gauge.labels(*labels).set(value)
        for labels in self._shown - values.keys():
            self._gauge.remove(*labels)
        self._shown = set(values)


def metrics_route(registry: CollectorRegistry) -> Route:
    """`/metrics`, in the format that is asked for, Prometheus' own by default."""

    def metrics(request: Request) -> Response:
        encoder, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encoder(registry), headers={"Content-Type": content_type})

    return Route("/metrics", metrics, methods=["GET"])


NO_ROUTE = "none"


def route_of(scope: Scope) -> str:
    """The route of a request that has been answered; `NO_ROUTE` for an unknown path."""
    return getattr(scope.get("route"), "path", NO_ROUTE)


class RequestMetrics:
    """Number and time of a service's answers."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            f"deploydb_{service}_requests_total",
            "Answers, by route (none: no such path) and status.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            f"deploydb_{service}_request_seconds",
            "From a request to the head of its answer, by route and status.",
            ["route", "status"],
            registry=registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
        )

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer to the request of `scope`."""
        labels = (route_of(scope), str(status))
        self._requests.labels(*labels).inc()
        self._seconds.labels(*labels).observe(seconds)
