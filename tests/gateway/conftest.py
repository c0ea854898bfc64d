"""A gateway for each test, on SQLite and the embedded broker; and the whole of DeployDB as processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import write_config
from tests.e2e.up import Up
from tests.gateway.given import GATED, Gateway, gateway, story
from tests.gateway.hooks import receiving
from tests.gateway.tools import COMMIT, HEAD, HOOKS
from tests.servers.ports import free_port


@pytest.fixture
def asked(sqlite_url: str, embedded_url: str) -> Iterator[Gateway]:
    """On the story of `given`."""
    with story(sqlite_url) as world, gateway(world, embedded_url) as made:
        yield made


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """`deploydb up` on the configuration `GATED`, ready."""
    write_config(tmp_path / "config", GATED)
    port = free_port()
    made = Up(tmp_path, port)
    try:
        made.ready()
        yield made
    finally:
        made.close()


@pytest.fixture
def receiver(tmp_path: Path, sqlite_url: str, embedded_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """The gateway with a webhook of each tool."""
    files = {name: f"type: {name}\n{HEAD}{rules}" for name, rules in HOOKS.items()}
    with receiving(tmp_path, sqlite_url, embedded_url, monkeypatch, **files) as made:
        yield made


@pytest.fixture
def known(receiver: Gateway) -> Gateway:
    """The same; foo 2.0 was published with a commit."""
    receiver.world.publish("2.0", artifact={"commit": COMMIT})
    return receiver
