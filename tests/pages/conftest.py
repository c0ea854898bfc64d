"""A browser for the tests of a module, and pages of one past."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.missing import missing
from tests.pages.browser import CHROMIUM, launched
from tests.pages.given import served, world_of_pages


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. For a module: while it runs, the thread has an event loop, which others must not find."""
    if not Path(CHROMIUM).exists():
        missing("Chromium is not installed: apt-get install --no-install-recommends chromium")
    with sync_playwright() as playwright:
        made = launched(playwright)
        yield made
        made.close()


@pytest.fixture(scope="module")
def site(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with a past."""
    with world_of_pages(fresh_file(sqlite_template, tmp_path_factory)) as world, served(world) as address:
        yield address


def fresh_file(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a migrated database."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('pages') / 'deploydb.db')}"
