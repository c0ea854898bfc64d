"""The picture of a flow in a browser: cards, edges, gates, bars that move, and the acts above it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from deploydb.domain.model.catalog import After, Service, Stage
from deploydb.store.tables import deployment
from tests.pages.browser import tab
from tests.pages.conftest import fresh_file
from tests.pages.given import served
from tests.scenario import Scenario, catalog

STAGES = (
    Stage(environment="dev"),
    Stage(environment="qa", after=After(environments=("dev",)), promotions=("soak",)),
    Stage(environment="staging", after=After(environments=("dev",)), promotions=("manual",)),
    Stage(environment="prod", after=After(environments=("qa", "staging"))),
)
FOO = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",))
ALICE = {"person": "alice"}

_TOUCHES = """
() => {
  const cards = [...document.querySelectorAll(".stop")].map((card) => card.getBoundingClientRect());
  const origin = document.querySelector(".edges svg").getBoundingClientRect();
  const near = (a, b) => Math.abs(a - b) <= 2;
  return [...document.querySelectorAll(".edges .edge")].map((edge) => {
    const [start, end] = [edge.getPointAtLength(0), edge.getPointAtLength(edge.getTotalLength())];
    const beside = (card, y) => card.top < origin.top + y && origin.top + y < card.bottom;
    const leaves = (card) => near(card.right, origin.left + start.x) && beside(card, start.y);
    const enters = (card) => near(card.left, origin.left + end.x + 7) && beside(card, end.y);
    return [cards.findIndex(leaves), cards.findIndex(enters)];
  });
}
"""


@pytest.fixture(scope="module")
def flow_site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """1.0 is in prod, which is frozen for 2 days; 2.0 soaks in qa for 2 hours, and waits for an approval in staging."""
    with Scenario(fresh_file(sqlite_template, tmp_path_factory), catalog(FOO, stages=STAGES)) as world:
        for version, through in (("1.0", 3), ("2.0", 2)):
            world.publish(version)
            world.evaluate()
            for _ in range(through):
                _deploy(world)
                if version == "1.0":
                    approved = {"service": "foo", "environment": "staging", "version": version, "promotion": "manual"}
                    world.tell("approval.given", **approved, by="alice", comment="fine")
                    world.evaluate(hours=2.5)
        ends = (world.now + timedelta(days=2, hours=1)).isoformat()
        world.tell("hold.placed", kind="freeze", environment="prod", by="carol", reason="sale", until=ends)
        world.evaluate(minutes=30)
        with served(world) as address:
            yield address


def _deploy(world: Scenario) -> None:
    world.now += timedelta(minutes=3)
    world.deploy()
    for row in world.rows(deployment):
        if row.status == "COMPLETED":
            world.tell("verification.finished", deployment=row.id, promotion="smoke", outcome="passed")
    world.evaluate(minutes=1)


def test_each_edge_leads_from_the_card_of_a_stage_to_one_after_it(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site) as page:
        page.goto("/flows/2")
        assert page.locator(".stop-head").all_inner_texts() == ["dev", "qa", "staging", "prod"]
        assert page.evaluate(_TOUCHES) == [[0, 1], [0, 2], [1, 3], [2, 3]]
        assert page.locator(".edges .edge.good").count() == 2  # it is through dev alone


def test_a_card_says_how_far_its_stage_is_and_who_may_approve(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site) as page:
        page.goto("/flows/2")
        assert _card(page, "dev") == ["success 34m ago", "pass: smoke"]
        qa = _card(page, "qa")
        assert qa[1].startswith("through in 1h")
        assert qa[2:] == ["pass: smoke", "pending: soak in 1h"]
        staging = _card(page, "staging")
        assert staging[1] == "when approved"
        assert staging[-2:] == ["pending: manual waits for 1 approval", "anybody may approve"]
        assert _card(page, "prod") == [
            "not started",
            "waits for qa and staging",
            "frozen",
            "when approved, earliest in 2d",
            "not asked: smoke",
        ]
        marks = page.locator(".edges text").all_text_contents()
        assert marks == ["1/2", "1/2"]


def test_expected_times_are_those_of_the_plan(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site) as page:
        flow: Any = page.request.get("/flows/2.json").json()
        plan: Any = page.request.get("/api/plan/foo?version=2.0").json()
        assert flow["expected"] == {
            stage["environment"]: {
                name: stage[name] for name in ("entered", "verified", "enteredApproved", "verifiedApproved")
            }
            for stage in plan["stages"]
            if stage["entered"] or stage["verified"]
        }
        assert list(flow["expected"]) == ["qa", "staging", "prod"]
        assert page.request.get("/flows/1.json").json()["expected"] == {}


def test_the_answer_of_why_is_on_top_with_its_acts(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site, extra_http_headers=ALICE) as page:
        page.goto("/flows/2")
        why: Any = page.request.get("/api/why/foo/prod?version=2.0").json()
        note = page.locator("#answer .note")
        assert why["answer"] in note.inner_text()
        assert why["releasing"]["sentence"] in note.inner_text()
        assert note.get_by_role("button", name="Approve 2.0 in staging (manual)").count() == 1
        assert page.get_by_role("button", name="Approve").count() == 1


def test_the_page_of_a_lane_draws_the_way_to_it_as_it_is_now(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site) as page:
        page.goto("/why/foo/qa?version=2.0")
        assert page.locator(".stop-head").all_inner_texts() == ["dev", "qa"]
        assert page.evaluate(_TOUCHES) == [[0, 1]]
        page.goto("/why/foo/qa?version=1.0&at=2026-11-22T13:00:00Z")
        assert page.locator(".stop").count() == 0
        assert page.get_by_role("region", name="Stages and gates").count() == 1


def test_the_bar_of_a_soak_moves_with_the_clock(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site) as page:
        page.clock.install()
        page.goto("/flows/2")
        bar = page.locator(".stop progress")
        value = "bar => [bar.value, bar.max]"
        before, most = bar.evaluate(value)
        assert most == 7200
        page.clock.run_for(600_000)
        assert 590 <= bar.evaluate(value)[0] - before <= 610


@pytest.mark.parametrize("width", [1280, 390])
def test_a_phone_has_one_card_below_another(browser: Browser, flow_site: str, width: int) -> None:
    with tab(browser, flow_site, width=width) as page:
        page.goto("/flows/2")
        lefts = page.evaluate(
            "[...document.querySelectorAll('.stop')].map((card) => card.getBoundingClientRect().left)"
        )
        assert len(set(lefts)) == (1 if width == 390 else 3)
        assert page.locator(".edges").is_visible() == (width == 1280)
        assert page.get_by_text("after qa, staging").count() == 1


def _card(page: Page, environment: str) -> list[str]:
    """The lines of a card, as they are read aloud."""
    card = page.locator(".stop").filter(has=page.get_by_role("link", name=environment, exact=True))
    return [" ".join(line.split()) for line in card.locator(".line").all_text_contents()]


def test_why_expects_a_release_when_its_flow_does(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site) as page:
        page.goto("/flows/2")
        of_flow = {name: _card(page, name) for name in ("dev", "qa", "staging", "prod")}
        page.goto("/why/foo/prod?version=2.0")
        assert {name: _card(page, name) for name in of_flow} == of_flow
        page.goto("/why/foo/prod?version=1.0")
        assert page.get_by_text("through in", exact=False).count() == 0


def test_a_table_has_the_kinds_of_gates_in_words_and_no_empty_column(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site) as page:
        page.goto("/flows/2")
        gates = page.locator("tr.gate td:first-child")
        assert set(gates.locator(".words").all_text_contents()) == {"smoke", "soak", "manual"}
        assert set(gates.locator(".small").all_text_contents()) == {"verification", "approval"}
        assert page.get_by_role("columnheader", name="Next check").count() == 1
        stages = page.locator("tr.stage")
        assert "34m ago" in stages.filter(has_text="dev").first.inner_text()  # as on its card
        page.goto("/flows/1")
        assert page.get_by_role("columnheader", name="Next check").count() == 0
        page.goto("/why/foo/prod?version=1.0")
        assert page.get_by_role("columnheader", name="Next check").count() == 0


def test_gates_are_marked_on_edges_alone(browser: Browser, flow_site: str) -> None:
    with tab(browser, flow_site) as page:
        page.goto("/flows/2")
        assert page.locator(".gate-mark").count() == 3  # of dev, qa and staging; those of prod are in its card
