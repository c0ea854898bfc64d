"""Reasons are data: no code and no template branches on the text of one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSPECTS = re.compile(
    r"""(?:reason|sentence|\["text"\]|\breason\.text)s?["'\])]*(?:\s+or\s+(?:""|''))?\)*"""
    r"""\.(?:startswith|endswith|removeprefix|removesuffix|r?partition|r?split|r?find|r?index)\("""
    r"""|["']\s+(?:not\s+)?in\s+\(?(?:\w+[.\[]["']?)*\w*(?:reason|sentence|\["text"\])"""
)


@pytest.mark.parametrize("folder", ["deploydb", "workers"])
def test_no_code_inspects_the_text_of_a_reason(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for pattern in ("*.py", "*.html")
        for path in sorted((ROOT / folder).rglob(pattern))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if INSPECTS.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        'if reason.startswith("waits for"):',
        'if (gate.reason or "").startswith("waits for"):',
        'if str(gate["reason"]).startswith("waits for"):',
        'if releasing["sentence"].startswith("nothing"):',
        'reason.partition(":")[0]',
        'if "overridden by" in verdict.reason:',
        'gate["reason"]["text"].endswith("passed")',
    ],
)
def test_a_look_into_a_text_is_found(line: str) -> None:
    assert INSPECTS.search(line)
