"""`check-config`, `broker`, `db`: what is done when DeployDB is deployed."""

import json

import pytest

from tests.cli.shell import Shell
from tests.cluster import write_config
from tests.workers.in_process import CONFIG


@pytest.fixture
def configured(shell: Shell) -> Shell:
    """A shell with a good configuration in `config`."""
    write_config(shell.folder / "config", CONFIG)
    return shell


def test_a_good_configuration_has_nothing_on_stdout(configured: Shell) -> None:
    for ended in (configured.ok("check-config"), configured.ok("check-config", "config")):
        assert ended.stdout == ""
        assert ended.stderr == "config: 1 service, 1 pipeline, 2 environments, 0 promotions, no problems\n"


def test_a_warning_is_a_line_and_fails_where_that_is_wanted(configured: Shell) -> None:
    write_config(configured.folder / "config", {"promotions/stray.yml": "type: ManualPromotion\n"})
    line = (
        "config/promotions/stray.yml:1:1: warning: no service, stage or environment has stray: it is without effect\n"
    )
    ended = configured.ok("check-config")
    assert ended.stdout == line
    assert ended.stderr.endswith("1 promotion, no problems, 1 warning\n")
    ended = configured.run("check-config", "--strict")
    assert (ended.returncode, ended.stdout) == (1, line)


def test_every_problem_is_a_line_with_its_place(configured: Shell) -> None:
    broken = {
        "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [man]\ncolour: red\n",
        "environments/dev.yml": "description: [\n",
    }
    write_config(configured.folder / "config", broken)
    ended = configured.run("check-config", "config")
    assert ended.returncode == 1
    places = [line.split(": ")[0] for line in ended.stdout.splitlines()]
    assert {"config/services/foo.yml:2:13", "config/services/foo.yml:3:1"} <= set(places)
    assert any(place.startswith("config/environments/dev.yml:") for place in places)
    assert ended.stderr == f"config: {len(places)} problems\n"


def test_what_a_service_lacks_is_a_problem_of_that_service(configured: Shell) -> None:
    new = {"services/new.yml": "artifacts: [com.example:new]\npipelines: [later]\n"}
    write_config(configured.folder / "config", new)
    ended = configured.run("check-config", "config")
    assert (ended.returncode, ended.stderr) == (1, "config: 1 problem; new would take no releases\n")
    assert ended.stdout == "config/services/new.yml:2:13: there is no pipeline later; there is main\n"


@pytest.mark.parametrize(
    ("path", "answer"), [("nowhere", "there is no such directory"), ("file", "is not a directory")]
)
def test_a_directory_that_is_none_is_a_problem_too(shell: Shell, path: str, answer: str) -> None:
    (shell.folder / "file").write_text("")
    ended = shell.run("check-config", path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, f"{path}:1:1: {answer}\n", f"{path}: 1 problem\n")


def test_the_schema_needs_no_configuration(shell: Shell) -> None:
    assert "$schema" in json.loads(shell.ok("check-config", "--schema").stdout)


def test_the_broker_is_missing_provisioned_and_then_there(configured: Shell) -> None:
    assert "`deploydb broker provision`" in configured.fails("broker", "check")
    assert not (configured.folder / "deploydb-data").exists()
    made = configured.ok("broker", "provision")
    assert "queue deploydb.commands.default" in made.stdout.splitlines()
    assert made.stderr == f"made {len(made.stdout.splitlines())}\n"
    for command in ("provision", "check"):
        ended = configured.ok("broker", command)
        assert (ended.stdout, ended.stderr) == ("", "everything is there\n")


def test_an_orchestrator_that_is_new_is_missing_until_it_is_provisioned(configured: Shell) -> None:
    configured.ok("broker", "provision")
    write_config(configured.folder / "config", {"environments/prod.yml": "orchestrator: rundeck\n"})
    assert "deploydb.commands.rundeck" in configured.fails("broker", "check")
    assert configured.ok("broker", "provision").stdout.splitlines()[-1] == "queue deploydb.commands.rundeck"


def test_a_broken_configuration_is_reported_with_its_places(configured: Shell) -> None:
    write_config(configured.folder / "config", {"services/foo.yml": "artifacts: []\ncolour: red\n"})
    for command in ("provision", "check"):
        assert "config/services/foo.yml:2:1: " in configured.fails("broker", command)


def test_the_database_is_missing_migrated_and_then_current(shell: Shell) -> None:
    answer = shell.fails("db", "check")
    assert answer == "deploydb: there is no database deploydb-data/deploydb.db: run `deploydb db migrate`\n"
    assert list(shell.folder.iterdir()) == []
    taken = shell.ok("db", "migrate")
    assert taken.stdout.splitlines()[0] == "0001"
    assert taken.stderr.startswith(f"took {len(taken.stdout.splitlines())} revision")
    for command in ("migrate", "check"):
        ended = shell.ok("db", command)
        assert (ended.stdout, ended.stderr) == ("", "the schema is current\n")


@pytest.mark.parametrize("command", ["migrate", "check"])
@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("nonsense", "DEPLOYDB_DATABASE_URL is not a URL"),
        ("mysql://localhost/house", "DEPLOYDB_DATABASE_URL names mysql"),
        ("postgresql://me:secret@127.0.0.1:1/house", "the database is away or busy"),
        ("sqlite:///file", "the database does not take it: file is not a database"),
        ("sqlite:////dev/null/x.db", "/dev/null"),
    ],
)
def test_a_database_that_cannot_be_used_is_reported(shell: Shell, command: str, url: str, answer: str) -> None:
    (shell.folder / "file").write_bytes(b"not a database at all, for sure" * 40)
    statement = shell.fails("db", command, DEPLOYDB_DATABASE_URL=url)
    assert answer in statement
    assert "secret" not in statement
