"""A past for pages to tell: every state, every hold, and text that would be markup if anybody let it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread

import structlog
import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from deploydb.domain.model.catalog import After, Service, Stage
from deploydb.domain.model.service_metadata import ServiceMetadata
from deploydb.identity import Person
from deploydb.query.app import application
from deploydb.store.tables import deployment
from tests.scenario import Scenario, catalog
from tests.servers import until

EVIL = "<script>alert(1)</script>"
VERSION = f"1.9-{EVIL}"
NAME = "<img src=x onerror=alert(1)>"
STAGES = (
    Stage(environment="dev"),
    Stage(environment="qa", after=After(environments=("dev",))),
    Stage(environment="staging", after=After(environments=("dev",)), promotions=("manual",)),
    Stage(environment="prod", after=After(environments=("qa", "staging")), promotions=("soak",)),
)


def world_of_pages(database_url: str) -> Scenario:
    """search is in prod and waits for people with its next version; payments failed; NAME is held in every way."""
    services = [
        Service(
            ident=name,
            description=f"Deploys {EVIL}.",
            artifacts=(f"com.example:{module}",),
            pipelines=("main",),
            promotions=("smoke",),
            metadata=ServiceMetadata(
                repository="https://github.com/example/shop", team=f"Shop {EVIL}", labels={"tier": "gold"}
            ),
        )
        for name, module in (("search", "search"), ("payments", "payments"), (NAME, "evil"))
    ]
    world = Scenario(database_url, catalog(*services, stages=STAGES))
    _release(world, "search", "1.0", comment=f"fine {EVIL}", through=4)
    world.now += timedelta(days=3)
    _release(world, "search", VERSION, comment=None, through=2)
    world.publish("2.0", name="payments")
    world.evaluate(minutes=1)
    world.deploy("failed")
    world.publish(f"0.1-rc.1+build.20261122.{'a' * 40}", name="evil")
    world.evaluate(minutes=5)
    for command in world.commands():
        world.tell("deployment.started", command=command.id, url="javascript:alert(1)")
    evil = {"group": "com.example", "name": "evil", "version": "0.0"}
    world.tell("deployment.observed", service=NAME, environment="prod", artifact=evil)
    world.tell("hold.placed", kind="pin", service=NAME, environment="prod", version="0.2", by=EVIL, reason=EVIL)
    world.tell("hold.placed", kind="veto", service="search", version="1.0", by="dave", reason="breaks ranking")
    world.tell("hold.placed", kind="pause", service=NAME, by="erin", reason="migration")
    until_then = (world.now + timedelta(days=2)).isoformat()
    world.tell("hold.placed", kind="freeze", environment="prod", by="carol", reason=EVIL, until=until_then)
    world.tell("deployment.finished", service=EVIL, environment="prod", version=VERSION, outcome="succeeded")
    world.evaluate(minutes=10)
    return world


def _release(world: Scenario, service: str, version: str, *, comment: str | None, through: int) -> None:
    """Publish a version and have it deployed and verified in its stages; approved where there is a comment."""
    published = {"commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "digest": f"sha256:{'7' * 64}"}
    world.publish(version, name=service, artifact=published)
    world.evaluate(minutes=2)
    for _ in range(through):
        world.deploy()
        for row in world.rows(deployment):
            if row.status == "COMPLETED" and row.service == service:
                report = {"deployment": row.id, "promotion": "smoke", "outcome": "passed"}
                world.tell("verification.finished", **report, url="https://ci.example.com/job/1")
        world.evaluate(minutes=1)
        if comment is not None:
            where = {"service": service, "environment": "staging", "version": version}
            world.tell("approval.given", **where, promotion="manual", by="alice", comment=comment)
        world.evaluate(minutes=1)
    world.evaluate(hours=2.1 if comment is not None else 0)


@contextmanager
def served(world: Scenario, problems: Sequence[str] = (f"services/foo.yml:3:5: {EVIL} is not known",)) -> Iterator[str]:
    """The query service on a world, on loopback; its address. Who sends a header `Person` is that person."""
    app = application(
        world.engine,
        lambda: world.catalog,
        log=structlog.get_logger(),
        problems=lambda: problems,
        clock=lambda: world.now,
    )
    configuration = uvicorn.Config(
        _named(app), port=0, lifespan="off", log_config=None, ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(configuration)
    thread = Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, what="the service to listen")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        app.state.stream.end()
        server.should_exit = True
        thread.join()


def _named(app: ASGIApp) -> ASGIApp:
    async def around(scope: Scope, receive: Receive, send: Send) -> None:
        name, scopes = Headers(scope=scope).get("person"), frozenset({"read", "approve"})
        person = Person(name=name, scopes=scopes, way="session") if name is not None else None
        await app({**scope, "state": {"person": person}}, receive, send)

    return around
