"""A test that needs what is not on every machine."""

import os
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test; in CI, where everything is installed, it fails. `what`: what is missing, and how to get it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} (in CI it is there)")
    pytest.skip(what)
