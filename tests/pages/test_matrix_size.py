"""A page of the matrix has at most 200 KB, however long names and versions are, and however many environments."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from deploydb.domain.model.catalog import After, Stage
from deploydb.domain.model.catalog import Service as Configured
from deploydb.store.record import record
from tests.pages.browser import tab
from tests.pages.given import served
from tests.query.client import Service
from tests.scenario import Scenario, catalog

LONG = [f"payment-gateway-{number:03}" for number in range(110)]
TWELVE = [f"region-{number:02}-production" for number in range(12)]
SCATTERED = [f"svc-{number:03}" for number in range(200)]


@contextmanager
def observed(path: Path, lanes: list[tuple[str, str, str]], *, staged: bool) -> Iterator[Scenario]:
    """A world where versions were seen in lanes; their environments are stages, or not."""
    environments = sorted({environment for _, environment, _ in lanes})
    stages = tuple(
        Stage(environment=name, after=After(environments=tuple(environments[max(place - 1, 0) : place])))
        for place, name in enumerate(environments)
    )
    services = [
        Configured(ident=name, artifacts=(f"com.example:{name}",), pipelines=("main",))
        for name in sorted({service for service, _, _ in lanes})
    ]
    known = catalog(*services, stages=stages) if staged else catalog()
    with Scenario(f"sqlite:///{path}", known) as made:
        facts = [
            {
                "type": "deployment.observed",
                "id": f"{service}-{environment}",
                "source": "tests",
                "time": made.now.isoformat(),
                "service": service,
                "environment": environment,
                "artifact": {"group": "com.example", "name": service, "version": version},
            }
            for service, environment, version in lanes
        ]
        record(made.engine, [made.arrival(json.dumps(fact).encode()) for fact in facts], made.now)
        made.evaluate(minutes=1)
        yield made


@pytest.fixture(scope="module", params=["long", "scattered"])
def service(
    request: pytest.FixtureRequest, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    path = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("size") / "deploydb.db"))
    version = "1.4.0-rc.1+build.2026112{}.9fceb02d0ae5"
    lanes = [(name, there, version.format(100 + place)) for name in LONG for place, there in enumerate(TWELVE)]
    if request.param == "scattered":
        lanes = [(name, f"place-{number:03}", "1.0") for number, name in enumerate(SCATTERED)]
    with observed(path, lanes, staged=request.param == "long") as world, Service(world) as service:
        yield service


@pytest.mark.parametrize("view", ["", "&view=comfortable"])
def test_every_page_has_at_most_200_kib_and_together_they_have_all(service: Service, view: str) -> None:
    found: list[str] = []
    sizes: list[int] = []
    for number in range(300):
        answer = service.ask(f"/status?pageNumber={number}{view}", accept="text/html")
        found += re.findall(r'href="/services/([^"]+)"', answer.text)
        sizes.append(len(answer.content))
        if ">Next</a>" not in answer.text:
            break
    assert max(sizes) <= 200 * 1024
    assert [*dict.fromkeys(found)] == found
    assert set(found) >= set(LONG if LONG[0] in found else SCATTERED)


def test_twelve_environments_fit_a_laptop_and_no_two_versions_look_the_same(
    browser: Browser, sqlite_template: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(sqlite_template, tmp_path / "deploydb.db"))
    lanes = [
        (f"service-{one:02}", f"region-{there:02}", f"1.4.0-rc.{one}+build.202611{10 + there}")
        for one in range(3)
        for there in range(12)
    ]
    with observed(path, lanes, staged=True) as world, served(world) as address, tab(browser, address) as page:
        page.goto("/status")
        room = page.locator(".scroll.tall")
        assert room.evaluate("box => box.scrollWidth <= box.clientWidth")
        shown = (
            page.locator("tbody tr")
            .first.locator("td b")
            .evaluate_all("all => all.map(each => [...each.childNodes].map(part => part.data || '').join())")
        )
        assert len(set(shown)) == 12


def test_names_of_sixty_characters_are_cut_where_they_are_alike(
    browser: Browser, sqlite_template: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(sqlite_template, tmp_path / "deploydb.db"))
    services = [f"payments-reconciliation-ledger-service-for-the-european-regio{one}" for one in range(3)]
    there = [f"production-europe-west-1-availability-zone-b-blue-canary-slo{one}" for one in range(4)]
    lanes = [(service, environment, "1.0") for service in services for environment in there]
    with observed(path, lanes, staged=True) as world, served(world) as address, tab(browser, address) as page:
        page.goto("/status")
        room = page.locator(".scroll.tall")
        assert room.evaluate("box => box.scrollWidth <= box.clientWidth")
        names = page.locator("tbody th a")
        assert names.all_text_contents() == services
        assert names.evaluate_all("all => all.every(each => each.scrollWidth <= each.clientWidth)")
