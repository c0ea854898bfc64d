"""`python -m workers orchestrate`, killed at one point: `python -m tests.orchestrators.killed before|after STATE`.

The point is before or after the commit by which a command first has the state.
"""

import os
import signal
import sys
from typing import Any

from deploydb.store import orchestrator_runs
from workers.__main__ import main


def dies(name: str, state: str, *, before: bool, after: bool) -> None:
    """Have the process killed around a function of the store, where it writes the state."""
    usual = getattr(orchestrator_runs, name)

    def call(*given: Any, **named: Any) -> Any:
        meant = named.get("state", "taken") == state
        if meant and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = usual(*given, **named)
        if meant and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(orchestrator_runs, name, call)


if __name__ == "__main__":
    when, written = sys.argv[1:]
    dies("add" if written == "taken" else "change", written, before=when == "before", after=when == "after")
    main(["orchestrate", "--no-port"])
