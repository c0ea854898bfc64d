"""A person's browser, and what must never happen in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launched(playwright: Playwright) -> Browser:
    """Debian's Chromium."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))


@contextmanager
def tab(browser: Browser, origin: str, *, expected: tuple[str, ...] = (), **options: Any) -> Iterator[Page]:
    """A tab on one origin. A dialog, an error in the console (a breach of the Content-Security-Policy is one) that is
    not `expected`, a script's error, and a request to elsewhere are failures."""
    context = browser.new_context(
        base_url=origin, viewport={"width": options.pop("width", 1280), "height": 900}, **options
    )
    faults: list[str] = []
    try:
        page = _watched(context, origin, faults)
        yield page
    finally:
        context.close()
    assert [fault for fault in faults if not any(words in fault for words in expected)] == []


def _watched(context: BrowserContext, origin: str, faults: list[str]) -> Page:
    page = context.new_page()
    page.set_default_timeout(30_000)

    def refuse(dialog: Any) -> None:
        faults.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", refuse)
    page.on(
        "console",
        lambda line: faults.append(f"{line.type}: {line.text}") if line.type in _FAULTS else None,
    )
    page.on("pageerror", lambda error: faults.append(f"a script failed: {error}"))
    page.on("request", lambda asked: None if asked.url.startswith(f"{origin}/") else faults.append(asked.url))
    return page


_FAULTS = ("error", "warning")
