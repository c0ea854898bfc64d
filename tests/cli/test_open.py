"""`deploydb open`: the address of a page, printed and given to the browser."""

from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.cli.shell import Shell


@pytest.mark.parametrize(
    ("names", "path"), [((), ""), (("foo",), "/services/foo"), (("foo", "prod"), "/why/foo/prod")], ids=str
)
def test_the_page_is_opened_and_its_address_printed(seeded: Shell, names: tuple[str, ...], path: str) -> None:
    browser, opened = seeded.folder / "browser", seeded.folder / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    ended = seeded.ok("open", *names, BROWSER=f"{browser} %s")
    address = f"{seeded.environment['DEPLOYDB_URL']}{path}"
    assert ended.stdout == f"{address}\n"
    assert Path(opened).read_text() == f"{address}\n"
    with urlopen(Request(address, headers={"Accept": "text/html"})) as page:
        assert page.status == 200
    opened.unlink()
    assert seeded.ok("open", *names, "--no-browser", BROWSER=f"{browser} %s").stdout == f"{address}\n"
    assert not opened.exists()


def test_a_misspelt_service_has_no_page(seeded: Shell) -> None:
    assert "there is no service fooo; did you mean foo?" in seeded.fails("open", "fooo", BROWSER="false %s")
