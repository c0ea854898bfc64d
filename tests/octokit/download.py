"""The files that `tests/install-octokit` downloads."""

import os
import sys
from pathlib import Path

import pytest


def downloaded(name: str) -> Path:
    """Where a file is. Skips the test where it was not downloaded; fails it in CI."""
    path = Path(sys.prefix) / name
    if not path.exists():
        missing = f"{path} is missing: run tests/install-octokit {sys.prefix}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing} (in CI it is there)")
        pytest.skip(missing)
    return path
