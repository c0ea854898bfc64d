"""promtool of Debian's package `prometheus`: Prometheus' own engine, without a server."""

import shutil
import subprocess
from pathlib import Path

from tests.cluster import ROOT
from tests.missing import missing

PROMETHEUS = ROOT / "deploy" / "prometheus"


def promtool(*arguments: str | Path, given: str = "") -> str:
    """What it prints; it must find nothing to complain of. A test is skipped without it, and fails in CI."""
    path = shutil.which("promtool")
    if path is None:
        missing("promtool is not installed: run tests/install-servers")
    ended = subprocess.run(
        [path, *arguments], input=given, cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    return output
