"""Where a browser goes after a form: to a page of ours, and nowhere else."""

import re
from urllib.parse import quote

from starlette.responses import RedirectResponse

HOME = "/inbox"
_OURS = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]{0,4000}")
"""`//host` and `/\\host` are other hosts to a browser, and it leaves out tabs and newlines before it looks."""


def onward(wanted: str | None) -> str:
    """The path where it is one of ours, else home."""
    return wanted if wanted is not None and _OURS.fullmatch(wanted) else HOME


def see(path: str) -> RedirectResponse:
    """303: it is done, look there."""
    return RedirectResponse(path, 303)


def sign_in_again(wanted: str) -> RedirectResponse:
    """Back to the sign-in page, which says that the token is not known."""
    return see(f"/sign-in?wrong=1&next={quote(wanted, safe='/')}")
