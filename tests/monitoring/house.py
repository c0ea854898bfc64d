"""Workers in trouble, and the alerts that it fires."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.store.engine import open_engine
from tests.cluster import write_config
from tests.monitoring.prometheus import Scrape, assert_fires, scrape, served
from tests.workers.in_process import CONFIG, InProcess, Working, until


class House:
    """Workers, and what Prometheus reads of them before and after a fault."""

    def __init__(self, workshop: InProcess, folder: Path) -> None:
        self.workshop = workshop
        self._folder = folder
        self._stack = ExitStack()
        self._ports: dict[str, int] = {}
        self._before: Scrape = {}

    def __enter__(self) -> "House":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def configure(self, files: dict[str, str]) -> None:
        """Files by path, beside those of `CONFIG`; outgoing requests may reach loopback."""
        write_config(self.workshop.config, CONFIG | files)
        self.workshop.settings = replace(self.workshop.settings, outgoing_allow="127.0.0.1")
        self.workshop.provision()

    def start(self, *names: str) -> list[Working]:
        """Start workers. Once they are ready, this is the state before the fault."""
        workers = dict(zip(names, self.workshop.start(*names), strict=True))
        self._ports |= self._stack.enter_context(served(workers))
        until(lambda: all(worker.health.ready().ready for worker in workers.values()), "all to be ready")
        self._before |= scrape(self._ports)
        return list(workers.values())

    def shows(self, metric: str, value: Callable[[float], bool], label: str = "") -> Scrape:
        """What is scraped once a sample of the metric, with a label of this value, is so."""
        seen: Scrape = {}

        def is_there() -> bool:
            nonlocal seen
            seen = scrape(self._ports)
            return any(
                series.startswith(metric) and f'"{label}' in series and value(found) for series, found in seen.items()
            )

        until(is_there, f"{metric} to show the fault")
        return seen

    def fires(self, metric: str, value: Callable[[float], bool], *alerts: str, label: str = "") -> None:
        """Once the metric shows it, these alerts fire, and no others."""
        assert_fires(self._before, self.shows(metric, value, label), *alerts, folder=self._folder)

    def execute(self, statement: sa.Update) -> int:
        """Change rows, as time would. Returns how many."""
        engine = open_engine(self.workshop.settings.database_url, name="tests")
        with engine.begin() as connection:
            number = connection.execute(statement).rowcount
        engine.dispose()
        return int(number)
