"""`deploydb up` of a package, until it answers."""

import os
import re
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import write_config
from tests.servers import until
from tests.workers.in_process import CONFIG


@contextmanager
def up(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] = {}) -> Iterator[int]:
    """Run `command` with `up`; it must become ready, answer /readyz, and end well. Yields its process id."""
    config = write_config(folder / "config", CONFIG)
    # nothing of the checkout is imported
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen(
        [*command, "up", "--data", folder / "data", "--config", config, "--listen", "127.0.0.1:0"],
        env=without | environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        until(lambda: process.poll() is not None or "Ready: " in "".join(lines), what="all parts")
        assert process.poll() is None, "".join(lines)
        (url,) = re.findall(r"Ready: (\S+)\.", "".join(lines))
        with urllib.request.urlopen(f"{url}/readyz", timeout=60) as answer:
            assert answer.status == 200
        yield process.pid
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        process.stderr.close()
