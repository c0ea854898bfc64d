"""A workshop for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs_servers
from tests.workers.in_process import InProcess


@pytest.fixture(
    params=[
        pytest.param(("embedded_url", "sqlite_url"), id="embedded"),
        pytest.param(("amqp_url", "postgresql_url"), id="servers", marks=needs_servers),
    ]
)
def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InProcess]:
    """On the embedded default, and on servers. What each does alike is for the contract tests to say."""
    broker_url, database_url = (request.getfixturevalue(name) for name in request.param)
    with InProcess(broker_url, database_url, tmp_path) as made:
        yield made
