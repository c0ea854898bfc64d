"""The order of tests for the workers of xdist: all begin with what takes long and end, together, with what is quick.

xdist cuts the tests into a block for each worker. One that is done takes half of the longest block that is left, from
its end: with long tests there, it would work on them alone.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

_QUICK = {"configuration", "domain", "engine", "wire"}
"""Folders whose tests start no process."""


def in_blocks(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """The files of each block stay whole. They are every so many-th one, and no block begins at the same folder: to
    start the same kind of process at one time takes longer."""
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    long = [tests for tests in files if not _is_quick(tests[0].path)]
    quick = [item for tests in files if _is_quick(tests[0].path) for item in tests]
    ordered: list[pytest.Item] = []
    for block in range(workers):
        own = long[block::workers]
        first = len(own) * block // workers
        for tests in (*own[first:], *own[:first]):
            ordered += tests
        room = max(len(items) * (block + 1) // workers - len(ordered), 0)
        ordered += quick[:room]
        del quick[:room]
    return ordered


def _is_quick(path: Path) -> bool:
    return path.parent.name in _QUICK and not path.name.startswith("test_any_")
