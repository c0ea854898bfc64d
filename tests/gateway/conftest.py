"""A gateway for each test, on SQLite and the embedded broker."""

from collections.abc import Iterator

import pytest

from tests.gateway.given import Gateway, gateway, story


@pytest.fixture
def asked(sqlite_url: str, embedded_url: str) -> Iterator[Gateway]:
    """On the story of `given`."""
    with story(sqlite_url) as world, gateway(world, embedded_url) as made:
        yield made
