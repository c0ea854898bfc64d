"""`make screenshots`: each page of six pasts, on three widths, in light and dark; and the pictures of the documents."""

import argparse
import base64
import hashlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from deploydb.domain.model.catalog import After, Service, Stage
from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate
from deploydb.store.tables import deployment
from tests.pages.browser import launched
from tests.pages.given import EVIL, served, world_of_pages
from tests.pages.test_matrix_size import observed
from tests.prose import ROOT
from tests.query.test_real_history import RELEASES, real_history
from tests.scenario import Scenario, catalog

WIDTHS = (1280, 1920, 390)
SCHEMES = ("light", "dark")
TAKEN = ROOT / "build/screenshots"
PICTURES = ROOT / "docs/images"
SHOP = ("accounts", "cart", "catalogue", "checkout", "invoices", "payments", "search", "storefront")
DOCUMENTED = {"inbox": "/inbox", "matrix": "/status", "why": "/why/storefront/prod?version=1.8.0"}
"""The pages of the shop that the documents show."""
_TALLEST = 4000
"""Of a picture, pixels: what is below looks as what is above."""
_QUALITY = 80
_NO_PAGE = 404


def many(services: int, environments: int) -> Callable[[str], AbstractContextManager[Scenario]]:
    """A past in which so many services run in so many environments."""
    lanes = [
        (f"service-{one:04}", f"region-{there:02}", f"1.{(one * 7 + there // 2) % 40}.{one % 9}")
        for one in range(services)
        for there in range(environments)
    ]
    return lambda url: observed(Path(url.removeprefix("sqlite:///")), lanes, staged=True)


@contextmanager
def empty(database_url: str) -> Iterator[Scenario]:
    """Nothing has happened yet, and nothing is configured but one service."""
    with Scenario(database_url) as world:
        yield world


@contextmanager
def shop(database_url: str) -> Iterator[Scenario]:
    """Eight ordinary weeks: releases everywhere, two incidents, approvals that wait, a failure, a freeze."""
    stages = (
        Stage(environment="dev"),
        Stage(environment="staging", after=After(environments=("dev",)), promotions=("manual",)),
        Stage(environment="prod", after=After(environments=("staging",))),
    )
    services = [
        Service(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",), promotions=("smoke",))
        for name in SHOP
    ]
    with Scenario(database_url, catalog(*services, stages=stages)) as world:
        for patch in range(8):
            _release(
                world,
                {name: f"1.{place}.{patch}" for place, name in enumerate(SHOP) if place >= patch % 3},
                approved=True,
            )
            if patch in (2, 6):
                lane = {"service": "search", "environment": "prod", "incident": f"INC-{patch}"}
                world.tell("incident.detected", **lane, reason="answers are slow")
                world.evaluate(hours=patch)
                world.tell("incident.resolved", **lane, reason="more memory")
            world.evaluate(days=6)
        _release(world, {"storefront": "1.8.0", "cart": "1.2.0"}, approved=False)
        world.publish("2.0.0", name="payments")
        world.evaluate(hours=2)
        world.deploy("failed")
        until = (world.now + timedelta(hours=20)).isoformat()
        world.tell("hold.placed", kind="freeze", environment="prod", by="carol", reason="sale", until=until)
        world.evaluate(minutes=40)
        world.commands()  # so that none is late
        yield world


def _release(world: Scenario, versions: dict[str, str], *, approved: bool) -> None:
    for name, version in versions.items():
        world.publish(
            version,
            name=name,
            artifact={"commit": hashlib.blake2b(f"{name} {version}".encode(), digest_size=20).hexdigest()},
        )
    world.evaluate(minutes=2)
    for _ in range(3):
        world.now += timedelta(minutes=6)
        world.deploy()
        for row in world.rows(deployment):
            if row.status == "COMPLETED":
                world.tell("verification.finished", deployment=row.id, promotion="smoke", outcome="passed")
                where = {"service": row.service, "environment": row.environment, "version": row.version}
                if approved and row.environment == "staging":
                    world.tell("approval.given", **where, promotion="manual", by="alice", comment="looks good")
        world.evaluate(minutes=1)


PASTS: dict[str, Callable[[str], AbstractContextManager[Scenario]]] = {
    "shop": shop,
    "trouble": lambda url: contextmanager(_opened)(world_of_pages(url)),
    "empty": empty,
    "60x12": many(60, 12),
    "1000x5": many(1000, 5),
    "history": real_history,
}


def _opened(world: Scenario) -> Iterator[Scenario]:
    with world:
        yield world


def addresses(world: Scenario) -> dict[str, str]:
    """The pages of a past, by what their pictures are called: of its last service and its last environment."""
    service = quote(max(world.catalog.services), safe="")
    environments = list(world.catalog.environments)
    last = quote(environments[-1], safe="")
    return {
        "inbox": "/inbox",
        "matrix": "/status",
        "matrix-comfortable": "/status?view=comfortable",
        "services": "/services",
        "service": f"/services/{service}",
        "environments": "/environments",
        "environment": f"/environments/{last}",
        "flow": "/flows/2",
        "why": f"/why/{service}/{last}",
        "orders": f"/orders/{service}/{last}",
        "artifact": "/artifacts/2",
        "audit": "/audit",
        "blame": "/blame?hours=168",
        "dora": "/dora?window=30d",
        "diff": f"/diff?from={quote(environments[0], safe='')}&to={last}",
        "where": "/where?what=1.0",
        "search": f"/search?q={service}",
        "operations": "/operations",
        "sign-in": "/sign-in",
        "error": "/nowhere",
    }


def taken(browser: Browser, origin: str, past: str, pages: dict[str, str]) -> Iterator[Path]:
    """The pictures of a past, each of a whole page, as it is written. What the past has no page of is left out."""
    for width, scheme in product(WIDTHS, SCHEMES):
        view = {"width": width, "height": 900}
        context = browser.new_context(
            base_url=origin, viewport=view, color_scheme=scheme, extra_http_headers={"person": "alice"}
        )
        page = context.new_page()
        for name, address in pages.items():
            answer = page.goto(address)
            if answer is not None and answer.status == _NO_PAGE and name != "error":
                continue
            path = TAKEN / past / f"{name}-{width}-{scheme}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            if page.locator("#live").count():
                page.locator("#live[data-live=on]").wait_for()
            tall = page.evaluate("document.documentElement.scrollHeight")
            page.screenshot(
                path=path, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": min(tall, _TALLEST)}
            )
            yield path
        context.close()


def draw_documents(browser: Browser, origin: str, pages: dict[str, str]) -> Iterator[Path]:
    """The pictures of the documents: those of the shop, in light. Without scripts: a page that is not live yet is not
    another picture."""
    context = browser.new_context(
        base_url=origin,
        viewport={"width": 1280, "height": 720},
        color_scheme="light",
        java_script_enabled=False,
        extra_http_headers={"person": "alice"},
    )
    page = context.new_page()
    for name, address in pages.items():
        page.goto(address)
        path = PICTURES / f"{name}.webp"
        path.write_bytes(_webp(page))
        yield path
    context.close()


def _webp(page: Page) -> bytes:
    """A picture as compact as Chromium makes it."""
    session = page.context.new_cdp_session(page)
    answer = session.send("Page.captureScreenshot", {"format": "webp", "quality": _QUALITY})
    return base64.b64decode(answer["data"])


def main(words: Sequence[str]) -> None:
    """Take the pictures, and print the name of each."""
    parser = argparse.ArgumentParser(prog="tests.pages.screenshots", description=__doc__)
    parser.add_argument("pasts", nargs="*", choices=[*PASTS, []], help="Which pasts; all of them by default.")
    parser.add_argument("--page", action="append", help="Which pages, such as audit; all of them by default.")
    given = parser.parse_args(words)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launched(playwright)
        for past in given.pasts or PASTS:
            if past == "history" and not RELEASES.exists():
                print("history: skipped, the samples are not beside this clone")
                continue
            url = f"sqlite:///{folder}/{re.sub(r'[^a-z0-9]', '', past)}.db"
            engine = open_engine(url, name="screenshots")
            migrate(engine)
            engine.dispose()
            problems = () if past != "trouble" else (f"services/foo.yml:3:5: {EVIL} is not known",)
            with PASTS[past](url) as world, served(world, problems) as origin:
                pages = {name: there for name, there in addresses(world).items() if name in (given.page or [name])}
                for path in taken(browser, origin, past, pages):
                    print(path.relative_to(ROOT), flush=True)
                if past == "shop":
                    of_documents = {name: there for name, there in DOCUMENTED.items() if name in pages}
                    for path in draw_documents(browser, origin, of_documents):
                        print(path.relative_to(ROOT), flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
