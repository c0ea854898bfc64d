"""A workshop for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.workshop import Workshop


@pytest.fixture
def workshop(broker_url: str, database_url: str, tmp_path: Path) -> Iterator[Workshop]:
    """On each transport with each database."""
    with Workshop(broker_url, database_url, tmp_path) as made:
        yield made
