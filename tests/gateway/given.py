"""The gateway on a store and a broker that a test looks into, asked as browsers and programs do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import structlog
from httpx2 import Response
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from deploydb.broker.open import open_inbound, open_outbound, provision
from deploydb.broker.topology import INGEST_QUEUE, topology_of
from deploydb.domain.model.catalog import After, Service, Stage
from deploydb.gateway.app import application
from deploydb.gateway.publishing import Publisher
from deploydb.gateway.v1_access import Writers
from deploydb.hooks.hook import Hook
from deploydb.http.authentication import Authenticator
from deploydb.http.sessions import Sessions
from deploydb.identity import FORM_COOKIE, SESSION_COOKIE, Bearer, Identity, hashed
from deploydb.tracing import NO_TRACER, Tracer
from tests.scenario import Scenario, catalog
from tests.workers.in_process import CONFIG

ALICE = "ddb_alice"
"""alice's token: she may read and approve."""
JENKINS = "ddb_jenkins"
"""A program's: it may write."""
TOKENS = f"""
# who may say what
alice read,approve {hashed(ALICE)}
jenkins write {hashed(JENKINS)}
"""
PROXY = "10.0.0.1"
SECRET = "the-secret-of-the-page"
IDENTITY = Identity.parse(tokens=TOKENS, person_header="X-Forwarded-User", proxies=f"{PROXY}/32, ::1")


def session(token: str) -> str:
    """The value of the cookie that a browser gets for a token."""
    return Sessions().begin(Bearer(name="any", scopes=frozenset(), hashed=hashed(token)))


GATED = {
    **CONFIG,
    "pipelines/main.yml": "environments:\n  dev:\n    promotions: [manual]\n  prod:\n",
    "promotions/manual.yml": "type: ManualPromotion\n",
}
"""foo goes to dev, where people are asked, and then to prod."""
YES = {"service": "foo", "environment": "dev", "version": "1.0", "promotion": "manual", "decision": "approve"}
"""alice's word on what waits for people in `story`."""


def story(database_url: str) -> Scenario:
    """foo 1.0 runs in dev, where smoke and manual are asked; the way goes on to prod."""
    stages = (
        Stage(environment="dev", promotions=("smoke", "manual")),
        Stage(environment="prod", after=After(environments=("dev",))),
    )
    foo = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))
    world = Scenario(database_url, catalog(foo, stages=stages))
    world.now = datetime.now(UTC)
    world.publish("1.0", artifact={"digest": "sha256:aa"})
    world.evaluate()
    world.deploy()
    return world


class Asked:
    """A client at an address; follows no redirect, keeps no cookie."""

    def __init__(self, app: ASGIApp, *, peer: str) -> None:
        self._app = app
        self._peer = peer

    def ask(
        self,
        path: str,
        *,
        method: str = "POST",
        content: bytes | None = None,
        lines: Sequence[tuple[str, str]] = (),
        cookies: dict[str, str] | None = None,
        **headers: str,
    ) -> Response:
        """The answer, whatever it is. Underscores in the names of headers are hyphens."""
        sent = [*lines, *((name.replace("_", "-"), value) for name, value in headers.items())]
        if cookies:
            sent.append(("cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())))
        client = TestClient(
            self._app,
            base_url="http://deploydb.test",
            client=(self._peer, 50000),
            raise_server_exceptions=False,
            follow_redirects=False,
        )
        return client.request(
            method, path, content=content, headers=[(name.encode(), value.encode("latin-1")) for name, value in sent]
        )

    def say(
        self,
        fields: object = YES,
        *,
        path: str = "/api/approvals",
        token: str | None = ALICE,
        **headers: str,
    ) -> Response:
        """JSON to a path, by a program with a token."""
        known = {"authorization": f"Bearer {token}"} if token is not None else {}
        return self.ask(
            path,
            content=json.dumps(fields).encode(),
            **{"content_type": "application/json", "prefer": "wait=0", **known, **headers},
        )

    def submit(
        self,
        path: str,
        fields: dict[str, str],
        *,
        signed_in: str | None = None,
        secret: str | None = SECRET,
        cookie: str | None = SECRET,
        **headers: str,
    ) -> Response:
        """A form, by a browser; `secret` is the field of its page, `cookie` the browser's, `signed_in` a token."""
        kept = {SESSION_COOKIE: session(signed_in) if signed_in is not None else None, FORM_COOKIE: cookie}
        statement = {**fields, **({"form": secret} if secret is not None else {})}
        return self.ask(
            path,
            content=urlencode(statement).encode(),
            cookies={name: value for name, value in kept.items() if value is not None},
            **{"content_type": "application/x-www-form-urlencoded", "prefer": "wait=0", **headers},
        )


class Gateway(Asked):
    """With its store and its broker. Only the test takes what it publishes."""

    def __init__(self, app: ASGIApp, world: Scenario, broker_url: str, registry: CollectorRegistry) -> None:
        super().__init__(app, peer="127.0.0.1")
        self.world = world
        self.broker_url = broker_url
        self._registry = registry

    def at(self, peer: str) -> Asked:
        """A client at another address."""
        return Asked(self._app, peer=peer)

    def received(self) -> list[dict[str, Any]]:
        """What has come to ingest's queue by now, taken off it."""
        with open_inbound(self.broker_url, INGEST_QUEUE, name="tests") as inbound:
            deliveries = inbound.receive(1000, timedelta(0))
            inbound.ack(deliveries)
            return [json.loads(delivery.body) for delivery in deliveries]

    def ingest(self, what: str = "approval.%") -> int:
        """Play ingest; how many of what came of these types were new."""
        with open_inbound(self.broker_url, INGEST_QUEUE, name="tests") as inbound:
            deliveries = inbound.receive(1000, timedelta(0))
            before = self.stored(what)
            for delivery in deliveries:
                body = json.loads(delivery.body)
                self.world.tell(body.pop("type"), **body)
            inbound.ack(deliveries)
            return self.stored(what) - before

    def stored(self, what: str = "approval.%") -> int:
        """How many facts of these types are in the log."""
        with self.world.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT count(*) FROM event WHERE type LIKE ?", (what,)).scalar()
            return int(found or 0)

    def metric(self, name: str, **labels: str) -> float:
        """A counter's value, 0 where it has none yet."""
        return self._registry.get_sample_value(name, labels) or 0


@contextmanager
def gateway(
    world: Scenario,
    broker_url: str,
    *,
    publishes_to: str | None = None,
    hooks: Mapping[str, Hook] = {},
    writers: Writers | None = None,
    tracer: Tracer = NO_TRACER,
) -> Iterator[Gateway]:
    """On a world's store, with a proxy at `PROXY` that says who people are."""
    provision(broker_url, topology_of(world.catalog))
    registry = CollectorRegistry()
    publisher = Publisher(lambda: open_outbound(publishes_to or broker_url, name="tests"))
    with ThreadPoolExecutor(4) as threads:
        app = application(
            world.engine,
            lambda: world.catalog,
            hooks=lambda: hooks,
            authenticator=Authenticator(lambda: IDENTITY, Sessions()),
            publisher=publisher,
            log=structlog.get_logger(),
            threads=threads,
            registry=registry,
            writers=writers,
            tracer=tracer,
        )
        try:
            yield Gateway(app, world, broker_url, registry)
        finally:
            publisher.close()
