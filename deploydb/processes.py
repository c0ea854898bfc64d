"""DeployDB's processes: their commands by name, and the user who runs them."""

import getpass
import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import NoReturn


def command(name: str, *arguments: str) -> list[str]:
    """The command that starts a process: of `deploydb.workers` as installed, of `workers` in a plain checkout."""
    package = "deploydb.workers" if find_spec("deploydb.workers") is not None else "workers"
    # -P: a folder named `workers` or `deploydb` in the working folder is not ours
    return [sys.executable, "-P", "-m", package, name, *arguments]


def become(name: str, *arguments: str, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Go on as the process of this name: same id, same terminal, same open files."""
    sys.stdout.flush()
    sys.stderr.flush()
    words = command(name, *arguments)
    os.execve(words[0], words, dict(environment))  # noqa: S606  # our own module


def me() -> str:
    """The name of the user who runs this process; in a container whose user has no name, its number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
