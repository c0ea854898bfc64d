"""A process that stops the servers of a run once the run's process is gone."""

import sys
import time
from pathlib import Path

from tests.servers.process import Process
from tests.servers.run import Servers


def _guard(folder: Path, owner: Process) -> None:
    while owner.alive and folder.exists():
        time.sleep(0.2)
    if folder.exists():
        Servers(folder, owner.pid).stop()


if __name__ == "__main__":
    _guard(Path(sys.argv[1]), Process.of(int(sys.argv[2])))
