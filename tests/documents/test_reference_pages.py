"""The commands of the pages that are looked up, and which page has commands at all."""

import re
from contextlib import ExitStack
from pathlib import Path

from deploydb.hooks.tool import known_tools
from deploydb.store.tables import metadata
from tests.cluster import ROOT
from tests.documents.site import RELEASE, Site, steps
from tests.documents.test_how_to import BEFORE, SHOWING

DOCS = ROOT / "docs"
HERE = {"usage.md", "how-to/backstage.md", "configuration.md", "operations.md"}
ELSEWHERE = {
    "tutorial.md": "documents/test_tutorial.py",
    "how-to/servers.md": "systemd/test_servers_page.py",
    "how-to/compose.md": "containers/test_compose.py",
    "how-to/kubernetes.md": "kubernetes/guide.py",
    "how-to/upgrade.md": "upgrade/test_page.py",
    "how-to/packages.md": "packages/page.py",
}
"""Pages with a test of their own, and the file that reads their commands."""
BEFORE_USAGE = f"""
cp -r config ../stricter
release storefront 1.3.2
release storefront 1.4.0
deploydb publish artifact com.example:storefront 1.4.1 --commit 9fceb02d0ae598e95dc970b74767f19372d61af8
deploydb publish artifact com.example:storefront 1.4.2 --digest sha256:{"ab" * 32}
mkdir rabbitmq
cp deploydb-data/token .deploydb-token
"""


def test_the_commands_of_pages_that_are_looked_up_work(tmp_path: Path) -> None:
    with ExitStack() as stack:
        site = Site(tmp_path / "clone", stack)
        with (site.folder / "config/services/payments.yml").open("a") as payments:
            payments.write("team: Payments\nlabels: {tier: gold}\n")
        site.environment |= {"LOGNAME": "alice", "HOME": str(site.folder)}
        site.start().run(RELEASE + BEFORE_USAGE)
        for page in sorted(HERE):
            for step in steps(page):
                command = step.command.replace("https://deploydb.example.com", site.url)
                command = command.replace("/etc/deploydb", str(site.folder))
                command = command.replace("deploydb open", "deploydb open --no-browser")
                command = command.replace("deploydb promote", "deploydb promote --yes")  # there is no terminal
                # the page's own pin stands against it
                site.run(command.replace("deploydb rollback", "deploydb unpin storefront prod\ndeploydb rollback"))


def test_the_sizing_has_every_table_in_one_row_of_what_grows() -> None:
    page = (DOCS / "sizing.md").read_text(encoding="utf-8")
    _, _, growing = page.partition("## Growth and pruning\n\n")
    rows = [line.split(" | ")[0] for line in growing.partition("\n\n")[0].splitlines()]
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(metadata.tables)


def test_every_page_with_commands_has_a_test_that_runs_them() -> None:
    found = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if any(steps(str(page.relative_to(DOCS))))}
    how_to = {f"how-to/{name}.md" for name in (*BEFORE, *SHOWING, *known_tools(), "first-deploydb", "github-actions")}
    assert found == HERE | ELSEWHERE.keys() | how_to
    for page, reader in ELSEWHERE.items():
        assert page in (ROOT / "tests" / reader).read_text(encoding="utf-8")
