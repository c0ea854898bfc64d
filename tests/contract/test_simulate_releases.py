"""2,221 real releases, imported with their deployments, and what a soak of seven days would have made of them.

Each release was in dev, staging and prod within half an hour. Three of msgspec are checked against what follows from
the raw file alone, written out by hand beside them.
"""

import json
import os
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploydb.configuration import load
from deploydb.store.record import record
from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.scenario import Scenario

RELEASES = Path(__file__).parents[3] / "shared/samples/releases.jsonl"
IMPORTED = datetime(2026, 11, 22, tzinfo=UTC)
MINUTES = timedelta(minutes=1)
MOST_SECONDS = 40 if "PYTEST_XDIST_WORKER" in os.environ else 10
"""Ten; more where other tests want the same cores, which slows each of them down."""

pytestmark = pytest.mark.skipif(not RELEASES.exists(), reason="the samples are not beside this clone")


def config(folder: Path, facts: list[dict[str, Any]], *staging: str) -> Path:
    """The 15 projects as services on dev → staging → prod."""
    files = {
        "pipelines/main.yml": f"environments:\n  dev:\n  staging:\n    promotions: [{', '.join(staging)}]\n  prod:\n",
        "environments/dev.yml": "description: first\n",
        "environments/staging.yml": "description: second\n",
        "environments/prod.yml": "description: last\n",
        "promotions/soak.yml": "type: SoakPromotion\nduration: 7d\n",
    }
    for group, name in {(fact["artifact"]["group"], fact["artifact"]["name"]) for fact in facts}:
        files[f"services/{name}.yml"] = f"artifacts: ['{group}:{name}']\npipelines: [main]\n"
    return write_config(folder, files)


def deployed(fact: dict[str, Any]) -> list[bytes]:
    """Its way: ten minutes in each environment, one after the other."""
    published = datetime.fromisoformat(fact["time"])
    bodies = []
    for place, environment in enumerate(("dev", "staging", "prod")):
        named = {"service": fact["artifact"]["name"], "environment": environment}
        named["version"] = fact["artifact"]["version"]
        for what, minutes in (("started", place * 10), ("finished", place * 10 + 10)):
            statement = {"type": f"deployment.{what}", "id": f"{fact['id']}-{environment}-{what}", "source": "import"}
            statement |= {"time": (published + minutes * MINUTES).isoformat(), **named}
            bodies.append(json.dumps(statement | ({"outcome": "succeeded"} if what == "finished" else {})).encode())
    return bodies


def imported(world: Scenario, lines: list[bytes]) -> None:
    """The whole past, published in one go years later, in pages as ingest takes them."""
    world.now = IMPORTED
    for page in pages(lines):
        record(world.engine, [world.arrival(body) for body in page], world.now)
    world.evaluate()
    world.commands()
    for page in pages([body for line in lines for body in deployed(json.loads(line))]):
        recorded = record(world.engine, [world.arrival(body) for body in page], world.now)
        assert (recorded.refusals, recorded.unmatched) == ((), 0)


def pages(bodies: list[bytes]) -> list[list[bytes]]:
    return [bodies[start : start + 500] for start in range(0, len(bodies), 500)]


@pytest.fixture(scope="module")
def answer(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `deploydb simulate` says of a soak in staging, within the time that it may take of a core."""
    folder = tmp_path_factory.mktemp("releases")
    lines = RELEASES.read_bytes().splitlines()
    facts = [json.loads(line) for line in lines]
    config(folder / "soaked", facts, "soak")
    known = load(config(folder / "config", facts)).catalog
    assert known is not None
    (folder / "deploydb.db").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{folder / 'deploydb.db'}"
    with Scenario(url, known) as world:
        imported(world, lines)
    shell = Shell(folder, DEPLOYDB_DATABASE_URL=url)
    before = spent()
    ended = shell.run("simulate", "--config", "soaked", "-o", "json")
    assert spent() - before < MOST_SECONDS
    assert (ended.returncode, ended.stderr) == (1, "")
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def spent() -> float:
    """The seconds that commands have kept a core busy: beside other tests the clock on the wall tells nothing."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def msgspec(answer: dict[str, Any], version: str) -> dict[str, tuple[str, str | None, str | None]]:
    """What differs for a release: decision, and when it was and would be commanded, by environment."""
    return {
        one["environment"]: (one["decision"], one["old_at"], one["new_at"])
        for one in answer["differences"]
        if (one["service"], one["version"]) == ("msgspec", version)
    }


def test_a_release_that_stands_alone_is_a_soak_later_in_prod(answer: dict[str, Any]) -> None:
    # 0.16.0 came 2023-06-12 14:54:12, 23 days after 0.15.1 and 29 before 0.17.0: no other version soaks in its time.
    # In staging at 15:04:12, deployed there at 15:14:12, and seven days of soak from then.
    assert msgspec(answer, "0.16.0") == {
        "prod": ("later", "2023-06-12T15:14:12+00:00", "2023-06-19T15:14:12+00:00"),
    }


def test_a_release_that_is_followed_by_another_while_an_older_one_soaks_is_blocked(answer: dict[str, Any]) -> None:
    # 0.0.1 was in staging from 2021-02-23 04:22:44 and soaks until 2021-03-02 04:22:44. 0.1.0 came 2021-02-23 14:49:28
    # and waits for it; 0.2.0 came 2021-02-25 20:37:33, waits as well, and takes its place.
    assert msgspec(answer, "0.1.0") == {
        "staging": ("blocked", "2021-02-23T14:59:28+00:00", None),
        "prod": ("blocked", "2021-02-23T15:09:28+00:00", None),
    }
    reasons = {
        one["reason"] for one in answer["differences"] if one["version"] == "0.1.0" and one["service"] == "msgspec"
    }
    assert reasons == {
        "superseded by 0.2.0, a higher version",
        "skipped in staging: superseded by 0.2.0, a higher version",
    }


def test_a_release_that_waits_for_an_older_ones_soak_soaks_after_it(answer: dict[str, Any]) -> None:
    # 0.3.0 came 2021-07-07 06:43:16, is in staging from 07:03:16 and soaks until 2021-07-14 07:03:16. 0.3.1 came
    # 2021-07-12 05:05:22, enters staging only then, runs there from 07:13:16 and soaks until 2021-07-21 07:13:16, two
    # days before 0.3.2.
    assert msgspec(answer, "0.3.1") == {
        "staging": ("later", "2021-07-12T05:15:22+00:00", "2021-07-14T07:03:16+00:00"),
        "prod": ("later", "2021-07-12T05:25:22+00:00", "2021-07-21T07:13:16+00:00"),
    }


def test_nothing_is_released_by_a_soak_and_nothing_comes_earlier(answer: dict[str, Any]) -> None:
    assert (answer["released"], answer["earlier"], answer["unknown"]) == (0, 0, 0)
    in_prod = [one["delay_seconds"] for one in answer["differences"] if one["environment"] == "prod"]
    assert min(delay for delay in in_prod if delay is not None) >= 7 * 86400
    assert "dev" not in {one["environment"] for one in answer["differences"]}
