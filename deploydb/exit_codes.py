"""The exit codes of the command line and of the processes."""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """A code, with its meaning for people and scripts."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """The number, which carries its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    SUCCESS = 0, "success"
    FAILED = 1, "failed, blocked or refused (a process: wrong settings)"
    WRONG_USAGE = 2, "wrong usage (diff, simulate: nothing could be compared)"
    TOO_LONG = 3, "took too long"
    NOT_ALLOWED = 4, "not allowed"
    STOP_PROCESSES = 5, "stop processes first (db migrate --plan)"
    DEFECT = 70, "a process met a defect of DeployDB"
    """EX_SOFTWARE of sysexits.h."""
    INTERRUPTED = 130, "Ctrl-C"
    """128 and SIGINT's number, as shells count."""
