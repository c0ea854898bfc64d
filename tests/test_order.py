"""The order of the tests for xdist's workers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.order import in_blocks


def test_each_worker_has_its_share_of_what_takes_long_before_what_is_quick() -> None:
    found: list[Any] = [
        SimpleNamespace(path=Path(f"tests/{file}.py"), name=f"{file} {number}")
        for file, tests in {"cli/a": 2, "domain/b": 6, "domain/test_any_c": 1, "pages/d": 2, "query/e": 3}.items()
        for number in range(tests)
    ]
    ordered = in_blocks(found, 2)
    assert sorted(item.name for item in ordered) == sorted(item.name for item in found)
    first, second = ([item.path.stem for item in half] for half in (ordered[:7], ordered[7:]))
    assert first == ["a", "a", "d", "d", "b", "b", "b"]
    assert second == ["e", "e", "e", "test_any_c", "b", "b", "b"]
