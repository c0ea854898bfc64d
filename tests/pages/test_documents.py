"""The site of docs/, as `make docs` builds it: whole, and without a request to another host."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from deploydb.broker.asyncapi import document
from deploydb.configuration import json_schema
from deploydb.exit_codes import ExitCode
from docs.hooks.reference import PAGES, exit_codes, made
from tests.cli.test_program import EVERY
from tests.pages.browser import tab
from tests.prose import ROOT

FOREIGN = re.compile(r"""<(?:script|link|img|iframe|source|object)\b[^>]*(?:src|href|data)=["']?(https?:)?//""")
LIST_IN_A_PARAGRAPH = re.compile(r"<p>(?:(?!</p>)[^<]|<(?!/p>))*\n(?:[-*] |\d+\. |\| )")
COPIED = ("docs", "deploy", "tests/prose.toml", "mkdocs.yml", *(path.name for path in ROOT.glob("*.md")))


def build(root: Path, site: Path) -> "subprocess.CompletedProcess[str]":
    """`make docs`, but for the installation."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site],
        cwd=root,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("documents") / "site"
    ended = build(ROOT, site)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return site


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    """The built site, served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(built))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_no_page_has_a_part_from_another_host(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) > 40
    assert [page.name for page in pages if FOREIGN.search(page.read_text(encoding="utf-8"))] == []


def _names(page: str) -> list[str]:
    """What a page of the reference must have."""
    match page:
        case "commands":
            return [" ".join(("Usage: deploydb", *command)) for command in EVERY]
        case "exit-codes":
            return [str(code.value) for code in ExitCode]
        case "configuration":
            return [key for kind in json_schema()["$defs"].values() for key in kind.get("properties", ())]
        case "http":
            paths = json.loads((ROOT / "deploy/openapi.json").read_bytes())["paths"].items()
            return [f"{method.upper()} {path}" for path, methods in paths for method in methods]
        case "messages":
            return [*document()["components"]["messages"]]
        case _:
            return [metric.name for metric in made()]


@pytest.mark.parametrize("page", ["commands", "configuration", "exit-codes", "http", "messages", "metrics"])
def test_the_reference_has_every(page: str, built: Path) -> None:
    pages = [f"reference/{page}.html", *(["promotions.html"] if page == "configuration" else [])]
    text = "".join(re.sub("<[^>]+>", "\n", _article(built / one)) for one in pages)
    names = _names(page)
    assert len(names) > 5
    assert "``" not in text
    assert [name for name in names if not re.search(rf"^{re.escape(name)}(\s|$)", text, re.MULTILINE)] == []


def test_a_checkout_has_the_exit_codes() -> None:
    _, table = exit_codes().split("\n\n", 1)
    assert table.strip() in (ROOT / "docs/usage.md").read_text(encoding="utf-8")


def test_links_of_the_reference_lead_to_files_of_a_checkout() -> None:
    page = ROOT / "docs/reference/README.md"
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert len(links) > 5
    assert [one for one in links if not (page.parent / one).exists()] == []


def test_a_section_of_the_reference_stands_for_its_page(built: Path) -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "docs/reference/README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {section.lower().replace(" ", "-") for section in sections} == PAGES.keys()
    for page in ("operations", "releases"):
        assert 'href="reference/metrics.html"' in _article(built / f"{page}.html")


def test_lists_and_tables_are_none_in_the_middle_of_a_paragraph(built: Path) -> None:
    found = [page.name for page in built.rglob("*.html") if LIST_IN_A_PARAGRAPH.search(_article(page))]
    assert found == []


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    for name in COPIED:
        source, target = ROOT / name, tmp_path / "clone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    for link in ("access.md#no-such-heading", "no-such-page.md", "../deploy/no-such-file.json"):
        with (tmp_path / "clone/docs/v1.md").open("a") as page:
            page.write(f"\nSee [there]({link}).\n")
    ended = build(tmp_path / "clone", tmp_path / "site")
    assert ended.returncode == 1
    for missing in ("#no-such-heading", "no-such-page.md", "no-such-file.json"):
        assert missing in ended.stderr


@pytest.mark.parametrize("page", ["index.html", "operations.html", "repository/index.html"])
def test_a_browser_needs_no_other_host(browser: Browser, address: str, page: str) -> None:
    with tab(browser, address) as opened:
        opened.goto(f"/{page}")
        opened.get_by_role("textbox", name="Search").press_sequentially("soak")  # it looks at each key
        opened.locator(".md-search-result__item").first.wait_for(state="attached")


def _article(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    return text[text.find("<article") : text.find("</article")]
