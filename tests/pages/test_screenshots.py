"""`make screenshots`."""

from pathlib import Path

import pytest

from tests.missing import missing
from tests.pages import screenshots
from tests.pages.browser import CHROMIUM


def test_each_page_has_a_picture_for_each_width_and_scheme_and_some_are_in_the_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path(CHROMIUM).exists():
        missing("Chromium is not installed: apt-get install --no-install-recommends chromium")
    for name, folder in (("TAKEN", "taken"), ("PICTURES", "pictures"), ("ROOT", "")):
        monkeypatch.setattr(screenshots, name, tmp_path / folder)
    (tmp_path / "pictures").mkdir()
    monkeypatch.setattr(screenshots, "WIDTHS", (1280, 390))
    screenshots.main(["empty", "shop", "--page", "audit", "--page", "why"])
    taken = capsys.readouterr().out.splitlines()
    assert sorted(taken) == sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert len(taken) == 2 * 2 + 2 * 2 * 2 + 1  # the empty past has no answer to why
    header = (tmp_path / "taken/shop/audit-390-light.png").read_bytes()[:24]
    assert int.from_bytes(header[20:24], "big") > 900, "the picture ends where the window does"
    assert (tmp_path / "pictures/why.webp").read_bytes().startswith(b"RIFF")
