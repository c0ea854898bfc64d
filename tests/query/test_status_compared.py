"""The past of the matrix beside what runs now."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from deploydb.domain.model.catalog import Service as Configured
from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.query.client import Service
from tests.query.test_status_of_the_past import seen
from tests.scenario import NOON, Scenario, catalog

HOUR = timedelta(hours=1)
PAST = f"?at={quote((NOON + HOUR / 2).isoformat())}&compare=now"


def observe(world: Scenario, module: str, version: str, service: str = "foo") -> None:
    fact = seen(version, world.now)
    fact["artifact"]["name"] = module
    world.tell("deployment.observed", service=service, environment="dev", **fact)
    world.evaluate()


@pytest.fixture
def two_modules(embedded: Service) -> Scenario:
    """In dev a 5.0 stays, and b 1.0 becomes 2.0 an hour after noon."""
    world = embedded.world
    world.catalog = catalog(Configured(ident="foo", artifacts=("com.example:a", "com.example:b"), pipelines=("main",)))
    observe(world, "a", "5.0")
    observe(world, "b", "1.0")
    world.now += HOUR
    observe(world, "b", "2.0")
    world.now += HOUR
    return world


def test_a_comparison_is_of_the_module_that_it_names(two_modules: Scenario, embedded: Service, tmp_path: Path) -> None:
    dense = embedded.ask(f"/status{PAST}", accept="text/html").text
    cell = next(line for line in dense.splitlines() if re.match("<td.*/why/foo/dev", line))
    assert ">5.0<" in cell
    assert "<ins>" not in cell
    assert "now b 2.0" in cell
    comfortable = embedded.ask(f"/status{PAST}&view=comfortable", accept="text/html").text
    (line,) = re.findall(r'<div class="coming">.*', comfortable)
    assert re.sub("<[^>]+>", "", line) == "now b 2.0"
    with served(two_modules) as url:
        (tmp_path / "here").mkdir()
        at = (NOON + HOUR / 2).isoformat()
        output = Shell(tmp_path / "here", DEPLOYDB_URL=url).ok("status", "--at", at, "--compare", "now").stdout
    assert "⇒ b 2.0 now" in output


def test_a_comparison_without_a_time_is_refused_in_a_terminal(
    two_modules: Scenario, embedded: Service, tmp_path: Path
) -> None:
    assert '"changed"' not in embedded.ask("/api/status?compare=now").text  # what runs now is what runs now
    page = embedded.ask("/status?compare=now", accept="text/html")
    assert page.status_code == 200
    assert not re.findall(r'name="compare"|--compare|/api/status\?compare', page.text)
    with served(two_modules) as url:
        (tmp_path / "here").mkdir()
        ended = Shell(tmp_path / "here", DEPLOYDB_URL=url).run("status", "--compare", "now")
    assert (ended.returncode, "give --at or --known-at" in ended.stderr) == (2, True)
