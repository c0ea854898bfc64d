"""A release that waits for time alone is on time, without a look in between."""

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import psycopg

from tests.e2e.site import Site, service, site
from tests.servers import until
from tests.servers.ports import free_port
from tests.servers.process import BUSY

AHEAD = timedelta(seconds=25)
"""How long after the configuration is written the window opens: the house is up long before."""
LATE = timedelta(seconds=1) * BUSY
"""How late is too late."""


def test_a_soak_and_a_window_release_within_a_second_of_their_time(
    amqp_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    opens = datetime.now(UTC).replace(microsecond=0) + AHEAD
    closes = opens + timedelta(hours=1)
    files = {
        "environments/dev.yml": "description: first\n",
        "environments/prod.yml": "description: last\n",
        "promotions/soak.yml": "type: SoakPromotion\nduration: 10s\n",
        "promotions/window.yml": (
            f"type: WindowPromotion\nzone: UTC\nallow:\n  - {{from: '{opens:%H:%M:%S}', to: '{closes:%H:%M:%S}'}}\n"
        ),
        "pipelines/soaking.yml": "environments:\n  dev:\n    promotions: [soak]\n  prod:\n",
        "pipelines/windowed.yml": "environments:\n  dev:\n    promotions: [window]\n  prod:\n",
        **service("soaking", "soaking"),
        **service("windowed", "windowed"),
    }
    port = free_port()
    with site(amqp_url, postgresql_url, tmp_path / "config", files, promote_port=port) as here:
        here.publish("windowed", "1.0")
        until(lambda: datetime.now(UTC) > opens - timedelta(seconds=11), what="the window to be near")
        here.publish("soaking", "1.0")
        here.await_why("windowed", "prod", "1.0", f"window is closed outside of {opens:%H:%M:%S}–{closes:%H:%M:%S}; ")
        here.await_why("soaking", "prod", "1.0", "in dev it soaks for 10s, until ")
        began, before = time.monotonic(), rounds(port)
        until(lambda: bool(here.commanded("soaking", "prod")), what="the soak to end")
        until(lambda: bool(here.commanded("windowed", "prod")), what="the window to open")
        looked, passed = rounds(port) - before, time.monotonic() - began
        soaked = moment(here, "finished_at", "soaking", "dev") + timedelta(seconds=10)
        for due, name in ((soaked, "soaking"), (opens, "windowed")):
            late = moment(here, "requested_at", name, "prod") - due
            assert timedelta(0) <= late < LATE, f"{name} is {late} late"
    # once a second, and for each of the few things that happened in that time
    assert looked <= passed + 12


def moment(here: Site, column: str, name: str, environment: str) -> datetime:
    """A time that the database has of a deployment."""
    query = f"SELECT {column} FROM deployment WHERE service = '{name}' AND environment = '{environment}'"
    with psycopg.connect(here.house.database_url) as database:
        (row,) = database.execute(query.encode()).fetchall()
    assert isinstance(row[0], datetime)
    return row[0]


def rounds(port: int) -> float:
    """How often promotion has looked for work."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        found = re.search(
            r"^deploydb_evaluation_duration_seconds_count(?:\{.*\})? ([0-9.e+]+)$", answer.read().decode(), re.M
        )
    assert found is not None
    return float(found[1])
