"""The owner of leased messages: a process, named so that others on the same machine can detect its end.

The kernel reuses process ids, but not together with the start time of the process. Where that is unknown (not Linux, or
another container) only the end of the lease counts.
"""

import os
from pathlib import Path

_UNKNOWN = ""


def machine() -> str:
    """This boot of this machine, with its namespace of process ids; empty where that is unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return _UNKNOWN


def process() -> str:
    """This process, with its start time."""
    pid = os.getpid()
    return f"{pid} {_began(pid) or _UNKNOWN}"


def is_gone(of_machine: str, of_process: str) -> bool:
    """Whether the named process has certainly ended."""
    if of_machine == _UNKNOWN or of_machine != machine():
        return False
    pid, _, began = of_process.partition(" ")
    return _began(int(pid)) != began


def _began(pid: int) -> str | None:
    """Its start, in ticks since boot: field 22 of /proc/PID/stat (proc(5)); None for none, and for a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in ("Z", "X") else fields[18]
