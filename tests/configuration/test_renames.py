"""Earlier names of environments: each is free, and is that of one environment."""

from pathlib import Path

import pytest

from deploydb.configuration import load
from tests.configuration.given import config, problems_of


@pytest.mark.parametrize(("written", "names"), [("live", ("live",)), ("[live, eu-1]", ("live", "eu-1"))])
def test_an_environment_has_one_earlier_name_or_several(tmp_path: Path, written: str, names: tuple[str, ...]) -> None:
    catalog = load(config(tmp_path, {"environments/prod.yml": f"renamed_from: {written}\n"})).catalog
    assert catalog is not None
    assert catalog.environments["prod"].renamed_from == names


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "staging",
            "1:15: staging is still an environment (config/environments/staging.yml): remove that file, or this name",
        ),
        ("[live, prod]", "1:22: prod is its name now: name the earlier ones"),
        ("[live, live]", "1:22: live is listed twice"),
        ("first", "1:15: first is an earlier name of dev too (config/environments/dev.yml): keep one of them"),
        ("{a: b}", "1:15: expected text, found keys and values"),
    ],
)
def test_a_problem_of_an_earlier_name_has_its_place(tmp_path: Path, written: str, message: str) -> None:
    files = {"environments/dev.yml": "renamed_from: first\n", "environments/prod.yml": f"renamed_from: {written}\n"}
    found = [problem.replace(f"{tmp_path}/", "") for problem in problems_of(config(tmp_path, files))]
    assert found == [f"config/environments/prod.yml:{message}"]
