"""A service's metadata in answers and on pages; no decision changes by it."""

from collections.abc import Iterator
from html import escape

import pytest
from msgspec.structs import replace

from deploydb.domain.model.catalog import Service as Configured
from deploydb.domain.model.service_metadata import ServiceMetadata
from deploydb.store.promotion import mark_open
from deploydb.store.tables import deployment, event
from tests.query.client import Service
from tests.scenario import Scenario, catalog

ODD = "https://wiki.example.com/?a=\"b'<i>&c=d"
METADATA = ServiceMetadata(
    repository="https://github.com/example/foo",
    team="<b>Shop</b>",
    chat="https://chat.example.com/shop",
    runbook=ODD,
    labels={"tier": "gold"},
)
FOO = Configured(ident="foo", artifacts=("com.example:foo",), pipelines=("main",), promotions=("smoke",))
OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """1.0 is in dev and prod, 1.1 in dev."""
    with Scenario(database_url, catalog(replace(FOO, metadata=METADATA))) as world:
        for version, commit, stages in (("1.0", OLD, 2), ("1.1", NEW, 1)):
            world.evaluate(hours=1)
            world.publish(version, artifact={"commit": commit})
            world.evaluate()
            for _ in range(stages):
                for command in world.commands():
                    world.tell("deployment.finished", command=command.id, outcome="succeeded", url=f"{ODD}#{version}")
                world.evaluate()
                if stages == 2:
                    for row in (row for row in world.rows(deployment) if row.status == "COMPLETED"):
                        report = {"deployment": row.id, "promotion": "smoke", "outcome": "passed"}
                        world.tell("verification.finished", **report, url="https://ci.example.com/?job=1&x=<y>")
                    world.evaluate()
        yield world


def test_a_service_has_it_where_it_is_asked_for_and_the_shape_of_v1_otherwise(
    world: Scenario, service: Service
) -> None:
    expected = {"repository": METADATA.repository, "team": METADATA.team, "chat": METADATA.chat}
    expected |= {"runbook": ODD, "labels": {"tier": "gold"}}
    of_v1 = service.get("/api/services/foo")
    assert list(of_v1) == ["ident", "description", "artifacts", "pipelines", "promotions", "failure_strategy"]
    assert service.get("/api/services") == [of_v1]
    answer = service.get("/api/services/foo?expand=metadata")
    assert answer == of_v1 | expected
    assert service.get("/api/services?expand=metadata") == [answer]
    assert service.refusal("/api/services?expand=labels")[0] == 400
    world.catalog = catalog(FOO)
    assert service.get("/api/services/foo?expand=metadata") == of_v1


def test_the_page_of_a_service_leads_to_its_code_its_people_and_its_runs(world: Scenario, service: Service) -> None:
    page = service.ask("/services/foo").text
    for link in (METADATA.repository, METADATA.chat, ODD, f"{METADATA.repository}/compare/{OLD}...{NEW}", f"{ODD}#1.1"):
        assert link is not None
        assert f'<a href="{_escaped(link)}" rel="noreferrer noopener">' in page
    assert ">1 commit from dev</a>" in page
    assert "&lt;b&gt;Shop&lt;/b&gt;" in page
    assert "<code>tier=gold</code>" in page
    assert service.get("/services/foo.json")["comparisons"] == [
        {
            "environment": "prod",
            "after": "dev",
            "module": "com.example:foo",
            "url": f"https://github.com/example/foo/compare/{OLD}...{NEW}",
            "commits": 1,
        }
    ]


@pytest.mark.parametrize("path", ["/artifacts/1", "/flows/1", f"/where?what={OLD}", "/diff?from=prod&to=dev"])
def test_a_commit_leads_to_its_page(world: Scenario, service: Service, path: str) -> None:
    commit = NEW if path.startswith("/diff") else OLD
    assert f'<a href="https://github.com/example/foo/commit/{commit}"' in service.ask(path).text
    world.catalog = catalog(FOO)
    assert "https://github.com/" not in service.ask(path).text


def test_without_a_repository_the_commits_are_those_of_the_releases_between(world: Scenario, service: Service) -> None:
    world.catalog = catalog(FOO)
    (compared,) = service.get("/services/foo.json")["comparisons"]
    assert (compared["url"], compared["commits"]) == (None, 1)
    page = service.ask("/services/foo").text
    assert '<a href="/diff?from=dev&amp;to=prod&amp;service=foo">1 commit from dev</a>' in page


def test_a_report_of_a_job_is_a_link_where_its_gate_is(world: Scenario, service: Service) -> None:
    (smoke,) = service.get("/flows/1.json")["attempts"][0]["stage"]["gates"]
    assert smoke["url"] == "https://ci.example.com/?job=1&x=<y>"
    for path in ("/flows/1", "/why/foo/prod?version=1.0"):
        assert 'href="https://ci.example.com/?job=1&amp;x=&lt;y&gt;"' in service.ask(path).text
    assert "url" not in service.get("/flows/2.json")["attempts"][0]["stage"]["gates"][0]


def test_no_decision_changes_with_it(world: Scenario) -> None:
    world.evaluate(minutes=1)
    before = world.rows(event), world.rows(deployment)
    changed = replace(FOO, metadata=ServiceMetadata(team="other", labels={"tier": "none"}))
    world.catalog = catalog(changed)
    world.catalog.digest = "other"
    assert mark_open(world.engine, world.now, world.catalog) > 0
    assert world.evaluate(minutes=1).services == 1
    assert (world.rows(event), world.rows(deployment)) == before
    assert world.commands() == []


def _escaped(text: str) -> str:
    return escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")
