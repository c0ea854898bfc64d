"""Versions that a pipeline does not take, by the command line."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import served
from tests.cli.shell import REASON, Queue, Shell, published
from tests.contract.test_branches import lanes, release
from tests.scenario import Scenario

NOWHERE = "no pipeline of foo takes 1.8.3: main takes 1.10.*; maintenance takes 1.9.*"


@pytest.fixture
def branched(sqlite_template: Path, tmp_path: Path, shell: Shell) -> Iterator[Shell]:
    """A shell beside a service that has 1.9.9 on `maintenance`, and 1.8.3 on no pipeline."""
    database = shutil.copy(sqlite_template, tmp_path / "deploydb.db")
    with Scenario(f"sqlite:///{database}", lanes(main=("1.10.*",))) as world:
        release(world, "1.9.9", "1.8.3")
        with served(world) as url:
            shell.environment["DEPLOYDB_URL"] = url
            yield shell


def test_why_and_where_and_unmatched_name_the_pipelines(branched: Shell) -> None:
    answer = branched.ok("why", "foo", "dev", "1.8.3")
    assert answer.stderr == ""
    assert answer.stdout.startswith(
        f"1.8.3 is not in dev: {NOWHERE}\nNothing releases it: promote it (`deploydb promote foo dev"
    )
    elsewhere = branched.ok("why", "foo", "prod", "1.9.9").stdout
    assert elsewhere.startswith("1.9.9 is not in prod: main takes 1.10.*, not 1.9.9; it goes to dev-19 and prod-19\n")
    assert NOWHERE in branched.ok("where", "1.8.3").stdout
    assert NOWHERE in branched.ok("unmatched").stdout
    assert NOWHERE in branched.ok("plan", "foo", "1.8.3").stdout


def test_a_version_that_never_comes_is_not_waited_for_nor_approved(branched: Shell, queue: Queue) -> None:
    elsewhere = "main takes 1.10.*, not 1.9.9"
    assert elsewhere in branched.fails("wait", "foo", "prod", "1.9.9")
    assert elsewhere in branched.fails("approve", "foo", "prod", "1.9.9", *REASON)
    assert NOWHERE in branched.ok("flow", "show", "foo", "1.8.3").stdout
    assert "dev-19" in branched.ok("flow", "show", "foo", "1.9.9").stdout
    assert queue.arrived() == []


def test_a_promotion_to_another_branch_shows_what_it_passes_by(branched: Shell, queue: Queue) -> None:
    refused = branched.fails("promote", "foo", "prod", "1.9.9", *REASON, code=2)
    assert "main takes 1.10.*, not 1.9.9" in refused
    assert "foo 1.9.9 will pass by dev on its way to prod. Go on?" in refused
    assert queue.arrived() == []
    ended = branched.ok("promote", "foo", "prod", "1.9.9", "--yes", *REASON)
    assert "foo 1.9.9 goes to prod ahead of others, past dev" in ended.stderr
    assert published(queue) == {
        "type": "promotion.requested",
        "service": "foo",
        "environment": "prod",
        "version": "1.9.9",
        "by": "ann",
        "reason": "a fair",
        "skip": ["dev"],
    }


def test_a_hotfix_that_no_pipeline_takes_is_refused(branched: Shell, queue: Queue) -> None:
    assert NOWHERE in branched.fails("hotfix", "foo", "1.8.3", *REASON)
    assert queue.arrived() == []
    branched.ok("hotfix", "foo", "1.9.9", "--skip", "dev-19", *REASON)
    assert published(queue)["skip"] == ["dev-19"]


def test_a_version_that_no_pipeline_takes_is_named_when_it_is_published(branched: Shell, queue: Queue) -> None:
    given = ("publish", "artifact", "com.example:foo", "1.8.4")
    assert NOWHERE.replace("1.8.3", "1.8.4") in branched.fails(*given, "--strict")
    assert queue.arrived() == []
    assert NOWHERE.replace("1.8.3", "1.8.4") in branched.ok(*given).stderr
    assert [body["type"] for body in queue.bodies()] == ["artifact.published"]


def test_a_configuration_names_badly_written_branches_with_their_places(shell: Shell, tmp_path: Path) -> None:
    files = {
        "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\n",
        "environments/dev.yml": "",
        "pipelines/main.yml": 'environments:\n  dev:\nbranches: ["1.9.*", ">=2,<1", "1.[9"]\n',
    }
    for name, content in files.items():
        (tmp_path / "config" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / name).write_text(content)
    refused = shell.run("check-config", str(tmp_path / "config"))
    assert refused.returncode == 1
    output = refused.stdout + refused.stderr
    assert "pipelines/main.yml:3:21: '>=2,<1' matches no version: no version is in all of its limits" in output
    assert "pipelines/main.yml:3:31: '1.[9' has a [ without its ]" in output
