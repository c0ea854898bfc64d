"""Commands that become a process of DeployDB's own."""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from deploydb.processes import command


def become(name: str, *arguments: str, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Go on as the process of this name: same id, same terminal, same open files."""
    sys.stdout.flush()
    sys.stderr.flush()
    words = command(name, *arguments)
    os.execve(words[0], words, dict(environment))  # noqa: S606  # our own module
