"""The branches of a pipeline: which versions it takes, and patterns that take none."""

from pathlib import Path

import pytest

from deploydb.configuration import load
from deploydb.configuration.schema import json_schema
from tests.configuration.given import config, problems_of

STAGES = "environments:\n  dev:\n  staging:\n  prod:\n"


def pipelines(branches: str) -> dict[str, str]:
    """The pipeline with more keys, from line 5 on."""
    return {"pipelines/main.yml": f"{STAGES}{branches}\n"}


def test_a_pipeline_takes_the_versions_that_its_branches_match(tmp_path: Path) -> None:
    changes = {
        "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main, maintenance]\n",
        "pipelines/main.yml": f'{STAGES}branches: ["!1.9.*"]\n',
        "pipelines/maintenance.yml": "environments:\n  dev-19:\n  prod-19:\nbranches: [1.9.*, 1.8]\n",
        "environments/dev-19.yml": "",
        "environments/prod-19.yml": "",
    }
    catalog = load(config(tmp_path, changes)).catalog
    assert catalog is not None
    foo = catalog.services["foo"]
    assert catalog.pipelines["maintenance"].branches == ("1.9.*", "1.8")
    assert [stage.environment for stage in catalog.stages_of(foo, "1.9.9")] == ["dev-19", "prod-19"]
    assert [stage.environment for stage in catalog.stages_of(foo, "1.10.0")] == ["dev", "staging", "prod"]
    assert len(catalog.stages_of(foo, "1.8")) == 5


def test_stages_without_branches_differ_from_those_with(tmp_path: Path) -> None:
    found = [
        load(config(tmp_path / str(n), pipelines(keys))).catalog for n, keys in enumerate(("", 'branches: ["1.*"]'))
    ]
    digests = [catalog.stages_digest("foo") for catalog in found if catalog is not None]
    assert len(set(digests)) == 2
    assert [str(digest).endswith("+branches") for digest in digests] == [False, True]


@pytest.mark.parametrize(
    ("branches", "messages"),
    [
        (
            "branches: []",
            ["5:11: no version matches an empty list: list a pattern, or leave the key out for all versions"],
        ),
        ('branches: [""]', ["5:12: '' matches no version: write a glob such as 1.9.*, or a range such as >=1.9,<2"]),
        ("branches: 1.9.*", ["5:11: expected a list, found the text 1.9.*"]),
        ("branches: [1.9.*, 1.9.*]", ["5:19: 1.9.* is listed twice"]),
        ('branches: [">=2,<1"]', ["5:12: '>=2,<1' matches no version: no version is in all of its limits"]),
        (
            'branches: [">=one"]',
            ["5:12: Invalid specifier: '>=one'; write a glob such as 1.9.*, or a range such as >=1.9,<2"],
        ),
        ('branches: ["1.[9"]', ["5:12: '1.[9' has a [ without its ]"]),
        ('branches: ["1.9.*", "!1.*"]', ["5:12: 1.9.* takes no version: !1.* excludes each of them"]),
        ('branches: ["!*"]', ["5:12: !* excludes each version"]),
        (
            "branches: [!1.9.*]",
            ["5:18: while scanning a tag did not find expected whitespace or line break"],
        ),
    ],
)
def test_a_problem_of_branches_has_its_place(tmp_path: Path, branches: str, messages: list[str]) -> None:
    expected = [f"config/pipelines/main.yml:{message}" for message in messages]
    assert problems_of(config(tmp_path, pipelines(branches))) == expected


def test_the_schema_has_them() -> None:
    branches = json_schema()["$defs"]["Pipeline"]["properties"]["branches"]
    assert (branches["type"], branches["minItems"], branches["items"]["type"]) == ("array", 1, "string")
