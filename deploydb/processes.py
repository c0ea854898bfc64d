"""The commands of DeployDB's processes, by their names."""

import sys
from functools import cache
from importlib.util import find_spec


@cache
def package() -> str:
    """The package of the processes: `deploydb.workers` where DeployDB is installed, `workers` in a plain checkout."""
    return "deploydb.workers" if find_spec("deploydb.workers") is not None else "workers"


def command(name: str, *arguments: str) -> list[str]:
    """The command that starts a process."""
    # -P: a folder named `workers` or `deploydb` in the working folder is not ours
    return [sys.executable, "-P", "-m", package(), name, *arguments]
