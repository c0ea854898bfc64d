"""Gates of installed packages: configured, checked, judged and explained as DeployDB's own."""

import json
from pathlib import Path

import pytest

from deploydb.configuration import json_schema, load
from deploydb.domain.model.catalog import Catalog
from tests.cli.conftest import served
from tests.cli.shell import Shell
from tests.cluster import ROOT
from tests.configuration.given import GOOD, config, problems_of
from tests.gates.conftest import SOURCE
from tests.scenario import Scenario, catalog

AGED = {
    "promotions/aged.yml": "type: AgePromotion\nminimum: 2d\ntrusted: [release-bot]\n",
    "pipelines/main.yml": "environments:\n  dev:\n    promotions: [aged]\n  staging:\n  prod:\n",
    "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\n",
}


def read(directory: Path) -> Catalog:
    loaded = load(directory)
    assert loaded.catalog is not None, loaded.problems
    return loaded.catalog


def test_check_config_reads_its_keys_and_its_own_problem(installed: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    directory = config(tmp_path, AGED)
    assert "3 promotions, no problems" in shell.ok("check-config", "config").stderr
    (directory / "promotions/aged.yml").write_text("type: AgePromotion\nminimum: 31d\ntrusted: [a, a]\nmaximum: 1d\n")
    assert shell.run("check-config", "config").stdout.splitlines() == [
        "config/promotions/aged.yml:2:10: releases would wait for more than 30d",
        "config/promotions/aged.yml:3:14: a is listed twice",
        "config/promotions/aged.yml:4:1: there is no key maximum here; did you mean minimum?",
    ]


def test_the_schema_describes_it(installed: Path, tmp_path: Path) -> None:
    schema = json.loads(Shell(tmp_path).ok("check-config", "--schema").stdout)["$defs"]
    assert {"$ref": "#/$defs/AgePromotion"} in schema["promotions"]["anyOf"]
    described = schema["AgePromotion"]
    assert described["description"] == "Passes when the release was published some time ago."
    assert described["properties"]["type"]["enum"] == ["AgePromotion"]
    assert described["required"] == ["type", "minimum"]
    assert described["properties"]["trusted"]["description"] == "Publishers whose releases pass at once."


def test_it_is_judged_and_explained_and_read_back_without_the_package(
    installed: Path, database_url: str, tmp_path: Path
) -> None:
    with Scenario(database_url, read(config(tmp_path, AGED))) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        world.evaluate(minutes=1)
        with served(world) as url:
            shell = Shell(tmp_path, DEPLOYDB_URL=url)
            answer, needs, *_ = shell.ok("why", "foo", "staging").stdout.splitlines()
        assert answer == "1.0 is not in staging: in dev it is too young until 2026-11-24 12:00:00 UTC (aged)"
        assert needs == "It needs the release to be older: earliest 12:00 Tuesday 24 Nov (UTC)"
        world.catalog = catalog()  # the package is gone, and what asked for it
        with served(world) as url:
            gates = Shell(tmp_path, DEPLOYDB_URL=url).json("why", "foo", "prod")["stages"][0]["gates"]
        (aged,) = (gate for gate in gates if gate["promotion"] == "aged")
        assert aged["reason"] == {
            "code": "custom",
            "params": {
                "name": "too_young",
                "text": "it is too young until {until}",
                "values": {"until": "2026-11-24 12:00:00 UTC"},
            },
            "text": "it is too young until 2026-11-24 12:00:00 UTC",
        }
        world.catalog = read(tmp_path / "config")
        world.evaluate(minutes=60)
        assert world.commands() == []
        world.evaluate(days=2)
        assert [command.environment for command in world.commands()] == ["staging"]


def test_without_its_package_a_type_is_unknown_and_the_known_ones_are_named(tmp_path: Path) -> None:
    (problem,) = problems_of(config(tmp_path, AGED))
    expected = "config/promotions/aged.yml:1:7: expected a promotion's type, found the text AgePromotion"
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("point", "problem"),
    [
        (
            "OddPromotion = no_such_module:Odd",
            "the type OddPromotion of broken-gates 0.1 (no_such_module:Odd) cannot be loaded: "
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            "OddPromotion = datetime:date",
            "the type OddPromotion of broken-gates 0.1 (datetime:date) is no deploydb.domain.gates.Promotion",
        ),
        (
            "SoakPromotion = datetime:date",
            "SoakPromotion is a type of DeployDB and broken-gates 0.1: uninstall all but one",
        ),
        (
            "AgePromotion = datetime:date",
            "AgePromotion is a type of acme-gates 1.0 and broken-gates 0.1: uninstall all but one",
        ),
    ],
)
def test_a_package_that_cannot_be_used_is_a_problem_of_the_files_that_name_its_type(
    installed: Path, another_package: Path, tmp_path: Path, point: str, problem: str
) -> None:
    (another_package / "entry_points.txt").write_text(f"[deploydb.gates]\n{point}\n")
    kind = point.partition(" ")[0]
    good = {"promotions/soak.yml": "type: ManualPromotion\n"}
    assert problems_of(config(tmp_path, good)) == []
    file = f"type: {kind}\nduration: 1h\n"
    assert problems_of(config(tmp_path, {**good, "promotions/odd.yml": file})) == [
        f"config/promotions/odd.yml:1:7: {problem}"
    ]
    assert "ManualPromotion" in json_schema()["$defs"]


ODD_GATES = """
from deploydb.domain.gates import Promotion
from deploydb.domain.gates.promotion import Document
from deploydb.domain.gates.window import WindowPromotion

class Same(WindowPromotion, frozen=True, kw_only=True): ...

class Alien(Promotion, frozen=True, kw_only=True):
    document = dict

class UpperDocument(Document, frozen=True, kw_only=True, rename="upper"):
    ident: str

class Upper(Promotion, frozen=True, kw_only=True):
    document = UpperDocument

class OptionalDocument(Document, frozen=True, kw_only=True):
    ident: str = ""

class Optional(Promotion, frozen=True, kw_only=True):
    document = OptionalDocument

class Raises(Promotion, frozen=True, kw_only=True):
    @property
    def dependencies(self):
        raise KeyError("lane")

class Nothing(Promotion, frozen=True, kw_only=True):
    dependencies = None

class Turn(Promotion, frozen=True, kw_only=True):
    turn = "last"

class Names(Promotion, frozen=True, kw_only=True):
    reported_as = (["jobs"],)

class Unmade(Promotion, frozen=True, kw_only=True):
    def configured(self, checks):
        return None
"""


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("Same", "its document is that of WindowPromotion; write a document of its own"),
        ("Alien", "its document is no deploydb.domain.gates.promotion.Document"),
        ("Upper", "its document has no required key ident"),
        ("Optional", "its document has no required key ident"),
        ("Raises", "cannot be read: KeyError: 'lane'"),
        ("Nothing", "cannot be read: ValidationError: Expected `array`, got `null` - at `$.dependencies`"),
        ("Turn", "cannot be read: ValidationError: Expected `int`, got `str` - at `$.turn`"),
        ("Names", "cannot be read: ValidationError: Expected `str`, got `array` - at `$.reported_as[0]`"),
        ("Unmade", "cannot be read: TypeError: configured() returned no Promotion"),
    ],
)
def test_a_type_that_breaks_is_a_problem_of_its_files_and_the_schema_is_made(
    another_package: Path, tmp_path: Path, kind: str, problem: str
) -> None:
    (another_package.parent / "odd_gates.py").write_text(ODD_GATES)
    (another_package / "entry_points.txt").write_text(f"[deploydb.gates]\nOddPromotion = odd_gates:{kind}\n")
    files = {
        "promotions/odd.yml": "type: OddPromotion\n",
        "services/foo.yml": f"{GOOD['services/foo.yml'][:-2]}, odd]\n",
    }
    (found,) = problems_of(config(tmp_path, files))
    assert found.startswith("config/promotions/odd.yml:1:7: the type OddPromotion")
    assert found.endswith(problem)
    assert "ManualPromotion" in json_schema()["$defs"]


@pytest.mark.parametrize("name", ["acme_gates.py", "pyproject.toml"])
def test_the_page_on_gates_shows_the_example_as_it_is(name: str) -> None:
    page = (ROOT / "docs/gates.md").read_text(encoding="utf-8")
    assert (SOURCE / name).read_text(encoding="utf-8") in page
