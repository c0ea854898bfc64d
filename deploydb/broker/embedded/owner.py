"""Who owns leased messages: a process, named so that another one on the same machine can tell that it has gone.

A process id alone is used again by the kernel; with the moment at which its process began it is not. Where that cannot
be known (not Linux, or the other process lives in another container) only the lease's end counts.
"""

import os
from pathlib import Path

_UNKNOWN = ""


def machine() -> str:
    """Names this boot of this machine and this process's view of its processes; empty where that is not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return _UNKNOWN


def process() -> str:
    """Names this process."""
    pid = os.getpid()
    return f"{pid} {_began(pid) or _UNKNOWN}"


def is_gone(of_machine: str, of_process: str) -> bool:
    """Whether the process so named has certainly ended."""
    if of_machine == _UNKNOWN or of_machine != machine():
        return False
    pid, _, began = of_process.partition(" ")
    return _began(int(pid)) != began


def _began(pid: int) -> str | None:
    """When it began, in ticks since boot: field 22 of /proc/PID/stat (proc(5)); None for none, and for a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in ("Z", "X") else fields[18]
