"""Every name that a command takes, misspelt: the answer has the nearest one. A command of tomorrow is among them."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deploydb.cli.commands import cli
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.catalog import After, Service, Stage
from deploydb.domain.model.errors import DeployDBError
from deploydb.domain.model.service_metadata import ServiceMetadata
from tests.cli.conftest import served
from tests.scenario import Scenario, catalog

RIGHT = {
    "service": "storefront",
    "environment": "prod-europe",
    "version": "1.4.0-rc1",
    "promotion": "signoff",
    "person": "alice",
    "team": "Payments",
    "label": "tier:gold",
    "type": "artifact.published",
    "module": "com.example:storefront",
    "what": "com.example:storefront:1.4.0-rc1",
}
WRONG = {
    "service": "storefornt",
    "environment": "prod-eurpoe",
    "version": "1.4.0-rc",
    "promotion": "signof",
    "person": "alcie",
    "team": "Paymnets",
    "label": "teir:gold",
    "type": "artifact.publishd",
    "module": "com.example:storefornt",
    "what": "com.example:storefront:1.4.0-rc",
}
KINDS = {name: name for name in RIGHT}
KINDS |= {"origin": "environment", "target": "environment", "who": "person", "by": "person", "skip": "environment"}
"""Of names, by the parameters that are called so."""
OTHER_KINDS = {
    "service describe": {"name": "service"},
    "environment describe": {"name": "environment"},
    "artifact accept": {"artifact": "module"},
    "why": {"artifact": "module"},
    "approve": {"artifact": "module"},
    "refuse": {"artifact": "module"},
    "retry": {"artifact": "module", "skip": "promotion"},
}
NO_NAMES = """
    against against_live artifact at before begins body by_token clock comment compare concurrency config data digest
    directory dry_run early eiffel every everything file folder follow goal grace headers hold host hours ident kind
    known_at kubernetes limit listen listen_fd name no_browser no_wait once orchestrator outcome output pass_env
    passwords payload planned port program publisher q reason rerun_interrupted schema scopes shell signer since source
    state strict timeout to until url verbose vhost wait watch window yes
"""
"""Parameters that are no names of these kinds."""
NOT_HERE = {
    "plan": {"version"},  # it may be one that is still to come
    "tour": {"service"},  # of the configuration of a tour that is to start
    "simulate": {"service"},  # of two folders
    "rollback": {"artifact"},
}
EXTRA = {"wait": ["--timeout", "1s"]}
"""Parameters with names that are not looked up, or not from a server."""


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command with its name; `publish` takes facts, whose names other tests misspell."""
    with click.Context(cli) as context:
        for name in cli.list_commands(context):  # type: ignore[attr-defined]
            if name != "publish":
                yield from _leaves(name, cli.get_command(context, name), context)  # type: ignore[attr-defined]


def _leaves(name: str, command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    for part in command.list_commands(context):
        below = command.get_command(context, part)
        assert below is not None
        yield from _leaves(f"{name} {part}", below, context)


def kind_of(command: str, parameter: str) -> str | None:
    """The kind of name that a parameter is; None where it is no name of these."""
    return OTHER_KINDS.get(command, {}).get(parameter) or KINDS.get(parameter)


NAMES = [
    (name, command, parameter)
    for name, command in leaves()
    for parameter in command.params
    if parameter.name not in NOT_HERE.get(name, ()) and kind_of(name, str(parameter.name))
]


@pytest.fixture(scope="module")
def address(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service whose release waits for people in its first stage."""
    first, last = "prod-europe", "prod-america"
    stages = (Stage(environment=first), Stage(environment=last, after=After(environments=(first,))))
    service = Service(
        ident="storefront",
        artifacts=("com.example:storefront",),
        pipelines=("main",),
        promotions=("signoff",),
        metadata=ServiceMetadata(team="Payments", labels={"tier": "gold"}),
    )
    signoff = ManualPromotion(ident="signoff", groups=("sre",))
    known = catalog(service, stages=stages, promotions=(signoff,), groups={"sre": ("alice", "bob")})
    database = shutil.copy(sqlite_template, tmp_path_factory.mktemp("names") / "deploydb.db")
    with Scenario(f"sqlite:///{database}", known) as world:
        world.publish("1.4.0-rc1", name="storefront", artifact={"digest": f"sha256:{'a' * 64}"})
        world.evaluate()
        world.deploy()
        with served(world) as url:
            yield url


@pytest.mark.parametrize(("name", "command", "misspelt"), NAMES, ids=[f"{one[0]} {one[2].name}" for one in NAMES])
def test_a_misspelt_name_is_answered_with_the_nearest(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    command: click.Command,
    misspelt: click.Parameter,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPLOYDB_URL", address)
    arguments = name.split()
    for parameter in command.params:
        kind = kind_of(name, str(parameter.name))
        is_argument = isinstance(parameter, click.Argument) and kind is not None
        if not (parameter.required or parameter is misspelt or kind == "service" or is_argument):
            continue
        value = (WRONG if parameter is misspelt else RIGHT)[kind] if kind else _other(str(parameter.name))
        arguments += [value] if isinstance(parameter, click.Argument) else [parameter.opts[-1], value]
    if any(parameter.name == "reason" and not parameter.required for parameter in command.params):
        arguments += ["--reason", "a test"]
    answer = run([*arguments, *EXTRA.get(name, ())])
    right = RIGHT[kind_of(name, str(misspelt.name)) or ""]
    meant = answer.partition("did you mean ")[2].partition("?")[0]
    assert right in meant or f"; there is {right}" in answer, (arguments, answer)


def _other(parameter: str) -> str:
    return {"digest": f"sha256:{'a' * 64}", "timeout": "1s"}.get(parameter, "other")


def run(arguments: list[str]) -> str:
    """All that a command says, its error too."""
    runner = CliRunner()
    with contextlib.suppress(AttributeError):
        ended = runner.invoke(cli, arguments, input="")
        error = ended.exception
        return ended.output + (str(error) if isinstance(error, DeployDBError) else "")
    raise AssertionError(arguments)


def test_each_parameter_is_a_name_of_a_kind_or_none() -> None:
    known = {*KINDS, *NO_NAMES.split()}
    unknown = {
        f"{name}: {parameter.name}"
        for name, command in leaves()
        for parameter in command.params
        if parameter.name not in known
    }
    assert not unknown, "say in KINDS of which kind of name they are, or in NO_NAMES that they are none"
