"""A gateway for each test, on SQLite and the embedded broker; and the whole of DeployDB as processes."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import write_config
from tests.e2e.up import Up
from tests.gateway.given import GATED, Gateway, gateway, story


@pytest.fixture
def asked(sqlite_url: str, embedded_url: str) -> Iterator[Gateway]:
    """On the story of `given`."""
    with story(sqlite_url) as world, gateway(world, embedded_url) as made:
        yield made


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """`deploydb up` on the configuration `GATED`, ready."""
    write_config(tmp_path / "config", GATED)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    made = Up(tmp_path, port)
    try:
        made.ready()
        yield made
    finally:
        made.close()
