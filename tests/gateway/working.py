"""The gateway with the workers behind it, in one process."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from deploydb.configuration import LiveCatalog
from deploydb.gateway.app import opened
from deploydb.http.authentication import Authenticator
from deploydb.http.health import Health
from deploydb.http.sessions import Sessions
from deploydb.identity import Identity, hashed
from deploydb.telemetry import open_log
from tests.cluster import write_config
from tests.gateway.given import ALICE, GATED, JENKINS, Asked
from tests.workers.in_process import InProcess


@contextmanager
def working(workshop: InProcess, files: Mapping[str, str] = GATED) -> Iterator[Asked]:
    """ingest and promote, and the gateway on the same broker, database and files; a client of it on loopback."""
    write_config(workshop.config, files)
    workshop.start("ingest", "promote", "relay")
    given = replace(workshop.settings, tokens=f"alice read,approve {hashed(ALICE)}\njenkins write {hashed(JENKINS)}")
    log = open_log("debug", name="gateway", stream=io.StringIO())
    identity = Identity.parse(tokens=given.tokens, person_header="", proxies="")
    live = LiveCatalog(given.config)
    with opened(
        given,
        log,
        listen=given.gateway_listen,
        authenticator=Authenticator(lambda: identity, Sessions()),
        catalog=lambda: live.catalog,
        hooks=lambda: live.hooks,
        reload=lambda: (live.refresh(force=True), live.problems)[1],
        registry=CollectorRegistry(),
        health=Health(),
    ) as app:
        yield Asked(app, peer="127.0.0.1")
