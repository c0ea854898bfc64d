"""What counts as killed in a run of mutmut."""

import json
from pathlib import Path

import pytest

from tests.mutation import killed_by_room


@pytest.mark.parametrize(
    ("code", "killed", "tried"),
    [
        *[(code, 1, 1) for code in (1, 3, 37, 24, 36, 152, 255)],  # a test failed, a type check did, or time was up
        *[(code, 0, 1) for code in (0, 33, 35, 5, -11, -9)],  # passed, no test, suspicious, none collected, a crash
        *[(code, 0, 0) for code in (2, 34, None)],  # interrupted, skipped, not tried
    ],
)
def test_a_mutant_is_killed_by_a_failing_test_or_by_time(
    tmp_path: Path, code: int | None, killed: int, tried: int
) -> None:
    results = tmp_path / "deploydb" / "domain" / "rules.py.meta"
    results.parent.mkdir(parents=True)
    results.write_text(json.dumps({"exit_code_by_key": {"rule__mutmut_1": code}}))
    assert killed_by_room(tmp_path)["deploydb/domain"] == (killed, tried)
