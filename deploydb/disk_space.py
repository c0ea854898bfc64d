"""A look at a disk before it is written to: a service that only waits would not notice that it is full."""

import os
import tempfile
from pathlib import Path

from deploydb.domain.model.errors import Transient

_TRIAL_BYTES = 64 * 1024


class Unwritable(Transient):
    """A disk takes no more: it is full, has failed, only reads, or a limit is reached. It names no host and no user."""


def require_room(folder: Path) -> None:
    """Return where something could be written there. Raises: Unwritable."""
    try:
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(os.urandom(_TRIAL_BYTES))
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as error:
        raise Unwritable(f"nothing can be written to {folder}: {error.strerror}") from error
