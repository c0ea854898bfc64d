"""The token of the person at this machine, for a `deploydb up` that has no other."""

import os
from pathlib import Path

from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.unsafe_characters import not_allowed
from deploydb.identity import SCOPES, new_token, token_line
from deploydb.private_files import make_folder, narrow
from deploydb.processes import me

FILE = "token"
"""In the data folder."""


def line_of_the_person_here(data: Path) -> str:
    """The tokens' line of the user who runs DeployDB here. Their token is in DATA/token, made where there is none.

    Raises: Misconfigured where that file holds no token.
    """
    path = data / FILE
    make_folder(data)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        narrow(path)
        kept = path.read_text(encoding="utf-8", errors="replace").strip()
        if len(kept.split()) != 1:
            raise Misconfigured(f"{path} holds no token: remove it, and a new one is made") from None
        return token_line(_name(), SCOPES, kept)
    made = new_token()
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{made}\n")
    return token_line(_name(), SCOPES, made)


def _name() -> str:
    name = me()
    return (
        name
        if not_allowed(name) is None and len(name.split()) == 1 and not name.startswith("#")
        else f"uid-{os.getuid()}"
    )
