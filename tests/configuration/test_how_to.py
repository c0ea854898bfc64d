"""The pages of tools that get messages for people."""

import re
import shutil
from pathlib import Path

import pytest

from deploydb.configuration import load
from tests.cluster import ROOT, write_config


@pytest.mark.parametrize("name", ["pagerduty", "slack", "teams"])
def test_every_format_for_people_has_a_page_with_a_webhook_that_can_be_used(name: str, tmp_path: Path) -> None:
    page = (ROOT / f"docs/how-to/{name}.md").read_text(encoding="utf-8")
    assert f"({name}.md)" in (ROOT / "docs/how-to/README.md").read_text(encoding="utf-8")
    (webhook,) = (text for text in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S) if f"format: {name}" in text)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    write_config(tmp_path / "config", {"webhook/people.yml": webhook})
    loaded = load(tmp_path / "config")
    assert loaded.problems == ()
    assert loaded.catalog is not None
    assert [one.format for one in loaded.catalog.endpoints.values()] == [name]
