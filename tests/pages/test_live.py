"""The matrix of a whole house follows it: RabbitMQ, PostgreSQL, worker processes, and somebody who looks on."""

import time
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request

from deploydb.identity import token_line
from tests.e2e.conftest import shared_amqp_url, shared_postgresql_url  # noqa: F401  # fixtures
from tests.e2e.site import Site, service, site
from tests.pages.browser import tab
from tests.servers import until

TOKEN = "ddb_of-alice"

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def here(
    shared_amqp_url: str,  # noqa: F811
    shared_postgresql_url: str,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """shop goes to dev, on the word of people to staging, and on to prod."""
    files = {
        "environments/dev.yml": "description: first\n",
        "environments/staging.yml": "description: second\n",
        "environments/prod.yml": "description: last\n",
        "promotions/go.yml": "type: ManualPromotion\n",
        "pipelines/main.yml": "environments:\n  dev:\n    promotions: [go]\n  staging:\n  prod:\n",
        **service("shop", "main"),
    }
    folder = tmp_path_factory.mktemp("pages") / "config"
    people = token_line("alice", ["read", "approve"], TOKEN)
    house = site(shared_amqp_url, shared_postgresql_url, folder, files, front="web", DEPLOYDB_TOKENS=people)
    with house as made:
        yield made


def test_the_matrix_follows_a_release_without_being_loaded_again(here: Site, browser: Browser) -> None:
    asked: list[float] = []

    def note(request: Request) -> None:
        if "/status?view=comfortable" in request.url:
            asked.append(time.monotonic())

    with tab(browser, here.house.environment["DEPLOYDB_URL"]) as page:
        page.goto("/status?view=comfortable")
        page.get_by_text("live", exact=True).wait_for()
        page.evaluate("window.loaded = 'once'")
        page.get_by_role("link", name="shop").focus()
        page.on("request", note)

        here.publish("shop", "1.0")
        _await(page, "shop/dev", "completed", "1.0")
        _await(page, "shop/staging", "not started", "1.0")
        here.tell("approval.given", service="shop", environment="dev", version="1.0", promotion="go", by="alice")
        _await(page, "shop/dev", "success", "1.0")
        _await(page, "shop/staging", "success", "1.0")
        _await(page, "shop/prod", "success", "1.0")
        here.tell("hold.placed", kind="freeze", environment="prod", by="carol", reason="Black Friday")
        frozen = page.locator("thead").get_by_text("frozen", exact=True)
        frozen.wait_for()
        here.tell("hold.lifted", kind="freeze", environment="prod", by="carol")
        frozen.wait_for(state="detached")

        assert page.evaluate("window.loaded") == "once"
        assert page.evaluate("document.activeElement.textContent") == "shop"
    assert len(asked) >= 3
    assert min(later - earlier for earlier, later in pairwise(asked)) > 0.9


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_signs_in_and_approves_by_a_button(here: Site, browser: Browser, scripts: bool) -> None:
    version = f"2.{int(scripts)}"
    here.publish("shop", version)
    here.await_why("shop", "staging", version, f"{version} is not in staging", "waits for 1 approval")
    with tab(browser, here.house.environment["DEPLOYDB_URL"], java_script_enabled=scripts) as page:
        page.goto(f"/why/shop/dev?version={version}")
        page.get_by_role("region", name="Stages and gates").get_by_role("link", name="dev", exact=True).click()
        page.get_by_role("link", name="Sign in to approve or refuse").click()
        page.get_by_label("Your token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("That token is not known").wait_for()
        page.get_by_label("Your token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Comment on go in dev").fill("fine <script>alert(1)</script>")
        page.get_by_role("button", name="Approve").click()
        page.get_by_text("alice approved").wait_for()
        assert "fine <script>alert(1)</script>" in page.locator("main").inner_text()
        here.await_running("shop", "prod", version)
        page.reload()
        assert page.get_by_role("button", name="Approve").count() == 0
        assert page.locator("tr.stage").filter(has_text="prod").get_by_text("success", exact=True).is_visible()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("link", name="Sign in", exact=True).wait_for()


def test_who_refuses_says_why(here: Site, browser: Browser) -> None:
    here.publish("shop", "3.0")
    here.await_why("shop", "staging", "3.0", "waits for 1 approval")
    with tab(browser, here.house.environment["DEPLOYDB_URL"]) as page:
        page.goto("/sign-in?next=/why/shop/dev%3Fversion%3D3.0")
        page.get_by_label("Your token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Refuse").click()
        assert page.get_by_label("Comment on go in dev").evaluate("field => field.validity.valueMissing")
        page.get_by_label("Comment on go in dev").fill("checkout is slow")
        page.get_by_role("button", name="Refuse").click()
        page.get_by_text("go refused by alice: checkout is slow").first.wait_for()
        assert page.url.endswith("/why/shop/dev?version=3.0")


@pytest.mark.parametrize("kind", ["why", "flow"])
def test_a_gate_follows_what_others_say_and_keeps_what_is_being_typed(here: Site, browser: Browser, kind: str) -> None:
    version = f"4.{kind}"
    here.publish("shop", version)
    here.await_why("shop", "staging", version, "waits for 1 approval")
    with tab(browser, here.house.environment["DEPLOYDB_URL"]) as page:
        page.goto(f"/sign-in?next=/why/shop/dev%3Fversion%3D{version}")
        page.get_by_label("Your token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        if kind == "flow":
            page.get_by_role("region", name="Stages and gates").get_by_role("link", name="dev", exact=True).click()
            page.wait_for_url("**/flows/*")
        page.get_by_text("live", exact=True).wait_for()
        comment = page.get_by_label("Comment on go in dev")
        comment.fill("it is ")
        with page.expect_response(lambda answer: answer.request.headers.get("hx-request") == "true"):
            here.tell("hold.placed", kind="pause", service="shop", by="erin", reason="migration")
        here.tell("hold.lifted", kind="pause", service="shop", by="erin")
        page.keyboard.type("fine")
        assert comment.input_value() == "it is fine"

        here.tell("approval.given", service="shop", environment="dev", version=version, promotion="go", by="bob")
        comment.wait_for(state="detached")
        page.locator("tr.stage").filter(has_text="dev").get_by_text("success", exact=True).wait_for()


def test_a_service_follows_what_becomes_of_it(here: Site, browser: Browser) -> None:
    with tab(browser, here.house.environment["DEPLOYDB_URL"]) as page:
        page.goto("/services/shop")
        page.get_by_text("live", exact=True).wait_for()
        here.publish("shop", "5.0")
        dev = (
            page.get_by_role("region", name="Stages as a picture").get_by_role("listitem").filter(has_text="dev").first
        )
        dev.get_by_text("5.0", exact=True).wait_for()


def test_a_page_in_the_background_gives_its_connection_back_and_catches_up(here: Site, browser: Browser) -> None:
    with tab(browser, here.house.environment["DEPLOYDB_URL"]) as page:
        page.goto("/status")
        page.get_by_text("live", exact=True).wait_for()
        paused = page.locator("tbody th").get_by_text("paused", exact=True)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(urlsplit(request.url).path))
        _hide(page, hidden=True)
        asked.clear()  # what the tests before have changed may have been asked for until then
        here.tell("hold.placed", kind="pause", service="shop", by="erin", reason="migration")
        until(lambda: here.lane("shop", "dev")["holds"] != [])
        assert asked == []
        _hide(page, hidden=False)
        paused.wait_for(state="attached")
        assert "/api/stream" in asked
        here.tell("hold.lifted", kind="pause", service="shop", by="erin")
        paused.wait_for(state="detached")


def _hide(page: Page, *, hidden: bool) -> None:
    script = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => %s})"
    page.evaluate(script % ("true" if hidden else "false"))
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_matrix_of_the_past_does_not_change(here: Site, browser: Browser) -> None:
    with tab(browser, here.house.environment["DEPLOYDB_URL"]) as page:
        page.goto("/status?at=2026-01-01T00:00:00Z")
        assert page.locator("[sse-connect]").count() == 0
        assert page.get_by_text("live", exact=True).count() == 0


def _await(page: Page, lane: str, *words: str) -> None:
    """Wait until a cell says so."""
    cell = page.locator(f"[id='lane-{lane}']")
    for word in words:
        cell.get_by_text(word, exact=True).first.wait_for()
