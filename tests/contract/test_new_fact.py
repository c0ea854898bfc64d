"""A type of fact is declared once: nothing that reads facts has a list that a new one could be missing from."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deploydb.domain.model.facts import Fact, fact_types, type_of
from deploydb.store.tables import metadata
from tests.cluster import ROOT


def introduced(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """What DeployDB makes of a fact that only `tests.contract.new_fact` knows."""
    command = [sys.executable, "-m", "tests.contract.new_fact", url, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_every_reader_takes_a_new_fact_by_its_declaration(tmp_path: Path) -> None:
    ended = introduced(f"sqlite:///{tmp_path}/deploydb.db")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "kept": [["foo", "T-1", "1.1", 1]],
        "logged": [["unheard.of", "ann", "foo"]] * 2,
        "requests": ["foo"] * 2,
        "blame": [["unheard.of", "T-1", "ann"]] * 2,
        "followed": ["1.1", "1.0"],
        "replayed": 2,
        "publish": True,
    }


def test_a_fact_without_a_declaration_stops_the_start(tmp_path: Path) -> None:
    ended = introduced(f"sqlite:///{tmp_path}/deploydb.db", "undeclared")
    assert ended.returncode == 1
    assert "has no attribute 'projection'" in ended.stderr


@pytest.mark.parametrize("kind", fact_types(), ids=type_of)
def test_a_declaration_names_a_table_and_fields_that_exist(kind: type[Fact]) -> None:
    table = metadata.tables.get(kind.projection.table or "")
    if table is None:
        assert kind.projection.table is None
        return
    assert set(kind.projection.constants) <= set(table.columns.keys())
    assert kind.projection.detail in (None, *kind.__struct_fields__)


def test_the_documentation_has_every_type_of_fact() -> None:
    text = (ROOT / "docs/usage.md").read_text(encoding="utf-8")
    assert [type_of(kind) for kind in fact_types() if f"`{type_of(kind)}`" not in text] == []
