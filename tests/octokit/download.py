"""The files that `tests/install-octokit` downloads."""

import sys
from pathlib import Path

from tests.missing import missing


def downloaded(name: str) -> Path:
    """Where a file is. Skips the test where it was not downloaded; fails it in CI."""
    path = Path(sys.prefix) / name
    if not path.exists():
        missing(f"{path} is missing: run tests/install-octokit {sys.prefix}")
    return path
