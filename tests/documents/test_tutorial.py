"""docs/tutorial.md: each command, and what it prints."""

from contextlib import ExitStack
from pathlib import Path

from tests.cluster import ROOT
from tests.documents.site import Site, steps


def test_the_first_release_is_as_the_tutorial_has_it(tmp_path: Path) -> None:
    with ExitStack() as stack:
        site = Site(tmp_path, stack, configured=False)
        for step in steps("tutorial.md"):
            site.follow(step)


def test_newcomers_find_the_tutorial() -> None:
    assert "(docs/tutorial.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "(tutorial.md)" in (ROOT / "docs/README.md").read_text(encoding="utf-8")
