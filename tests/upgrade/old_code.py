"""DeployDB as it was at a commit: its files, as `git archive` has them."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from tests.cluster import ROOT
from tests.missing import missing

BY_REVISION = {
    "0001": "929c3bd6f7104e5ce2d7146e198c0c4aebdc70e5",
    "0025": "11fb78eb3f755b1b72a2de89552bd0d475f5f267",
}
"""A commit of the main line with the revision as its newest one."""


def extracted(revision: str, folder: Path) -> Path:
    """The files of the commit of the revision, in `folder`.

    Without the history the test is skipped; in CI it fails.
    """
    commit = BY_REVISION[revision]
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        missing(f"the history of git lacks {commit}, the code of revision {revision}: fetch all of it")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder
