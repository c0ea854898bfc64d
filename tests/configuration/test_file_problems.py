"""Problems of a directory and its files: names, places, and several at once."""

import os
from pathlib import Path

import pytest

from tests.configuration.given import config, problems_of, put


def test_every_error_of_every_file_is_reported_at_once_in_order(tmp_path: Path) -> None:
    directory = config(
        tmp_path,
        {
            "environments/dev.yml": "orchestratr: x\ndeadline: 5\nentry: [no-such-thing, true, smoke, smoke]\n",
            "pipelines/main.yml": "environments:\n  dev:\n    after: prod\n  prod:\n    promotions: x\n",
            "promotions/soak.yml": "duration: 1\ntype: SoakPromotion\ntyp: x\n",
            "services/foo.yml": "descriptoin: x\n",
        },
    )
    assert problems_of(directory) == [
        "config/environments/dev.yml:1:1: there is no key orchestratr here; did you mean orchestrator?",
        "config/environments/dev.yml:2:11: 5 of what? Write the unit: 5s, 5m, 5h or 5d; or none, for no deadline",
        "config/environments/dev.yml:3:9: there is no promotion no-such-thing; there is smoke, soak",
        "config/environments/dev.yml:3:24: expected text, found true",
        "config/environments/dev.yml:3:37: smoke is listed twice",
        "config/pipelines/main.yml:3:12: dev waits for itself: dev → prod → dev",
        "config/pipelines/main.yml:5:17: expected a list, found the text x",
        "config/promotions/soak.yml:1:11: 1 of what? Write the unit: 1s, 1m, 1h or 1d",
        "config/promotions/soak.yml:3:1: there is no key typ here; did you mean type?",
        "config/services/foo.yml:1:1: there is no key descriptoin here; did you mean description?",
    ]


def test_a_broken_file_is_one_problem_and_not_one_for_each_that_names_it(tmp_path: Path) -> None:
    directory = config(tmp_path, {"pipelines/main.yml": b"\xff", "promotions/smoke.yml": "- x\n"})
    assert problems_of(directory) == [
        "config/pipelines/main.yml:1:1: is not UTF-8: the byte 0xff",
        "config/promotions/smoke.yml:1:1: expected keys and values, found a list",
    ]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("services/my shop.yml", "my shop is no name for it: letters, digits, . - and _ only, at most 128, a letter"),
        ("environments/eu.prod.yml", "eu.prod is no name for it: letters, digits, - and _ only, at most 64, a letter"),
        ("service/bar.yml", "is no folder of a configuration; did you mean services?"),
        ("bar.yml", "stands outside of the folders"),
        ("services/team/bar.yml", "is a folder: services/ has files only"),
    ],
)
def test_a_file_in_the_wrong_place_or_of_the_wrong_name_is_a_problem(tmp_path: Path, file: str, message: str) -> None:
    (found,) = problems_of(config(tmp_path, {file: "artifacts: [a:b]\npipelines: [main]\n"}))
    named = file if file.count("/") < 2 and not file.startswith("service/") else file.rpartition("/")[0]
    assert found.startswith(f"config/{named}:1:1: {message}")


def test_one_name_with_both_endings_is_a_problem(tmp_path: Path) -> None:
    directory = config(tmp_path, {"services/foo.yaml": "artifacts: [a:b]\npipelines: [main]\n"})
    assert problems_of(directory) == ["config/services/foo.yml:1:1: foo is here with two endings: keep one of them"]


def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    directory = config(tmp_path)
    (directory / "environments/a.yml").mkdir()
    (directory / "environments/b.yml").symlink_to("nowhere")
    os.mkfifo(directory / "environments/c.yml")
    assert problems_of(directory) == [
        "config/environments/a.yml:1:1: is not a file",
        "config/environments/b.yml:1:1: cannot be read: No such file or directory",
        "config/environments/c.yml:1:1: is not a file",
    ]


def test_a_missing_or_empty_directory_is_a_problem(tmp_path: Path) -> None:
    assert problems_of(tmp_path / "missing") == ["missing:1:1: there is no such directory"]
    put(tmp_path / "file", "")
    assert problems_of(tmp_path / "file") == ["file:1:1: is not a directory"]
    (tmp_path / "empty").mkdir()
    assert problems_of(tmp_path / "empty") == ["empty:1:1: has no file of a configuration: expected services/NAME.yml"]


def test_a_configuration_may_have_no_services_yet(tmp_path: Path) -> None:
    put(tmp_path / "environments/dev.yml", "description: dev\n")
    assert problems_of(tmp_path) == []


def test_a_name_with_a_hidden_character_is_a_problem(tmp_path: Path) -> None:
    files = {
        "access.yml": 'groups:\n  "s\\u202ere": [alice]\n  qa: ["bo\\u200bb"]\n',
        "services/fo\u202eo.yml": "artifacts: [com.example:foo]\npipelines: [main]\n",
    }
    text = "\n".join(problems_of(config(tmp_path, files)))
    for expected in ("U+202E is not allowed", "U+200B is not allowed", "fo\\u202eo is no name for it"):
        assert expected in text
