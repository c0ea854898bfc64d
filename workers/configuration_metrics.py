"""The configuration that a process has in force, as metrics: the digests of processes show whether theirs differ."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from deploydb.configuration import LiveCatalog


class ConfigurationMetrics(Collector):
    """Read with each scrape."""

    def __init__(self, live: LiveCatalog, registry: CollectorRegistry) -> None:
        self._live = live
        registry.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        info = GaugeMetricFamily(
            "deploydb_configuration_info", "1, with the digest of the configuration in force.", labels=["digest"]
        )
        info.add_metric([self._live.catalog.digest], 1)
        yield info
        yield GaugeMetricFamily(
            "deploydb_configuration_read_timestamp_seconds",
            "When the files were last read without a problem.",
            value=self._live.read_at,
        )
