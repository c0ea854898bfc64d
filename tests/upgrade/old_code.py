"""DeployDB as it was at a commit: its files, as `git archive` has them."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

from tests.cluster import ROOT
from tests.missing import missing

BY_REVISION = {
    "0001": "929c3bd6f79998da66a5a66c8d4d4cb0dd3e3d4f",
}
"""For each revision that was the newest one on the main line, the last commit with it."""


def extracted(revision: str, folder: Path) -> Path:
    """The files of the last commit with the revision, in `folder`.

    Without the history the test is skipped; in CI it fails.
    """
    commit = BY_REVISION[revision]
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        missing(f"the history of git lacks {commit}, the code of revision {revision}: fetch all of it")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder
