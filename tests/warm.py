"""`deploydb` in processes that are forked off one which has imported all commands: importing takes longer than most of
what a command does.

Each has its own folder, environment, streams, exit code and end, as from a shell. What only a start by itself can show,
such as the modules that a command imports, is for the tests that run `python -m deploydb`.
"""

import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).parents[1]
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "FAKETIME")
_AT_FIRST = dict(os.environ)
"""Before any test has changed it."""


class Warm:
    """The process that others are forked off. It ends with the one that has started it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="deploydb-warm-")
        self._address = f"{self._folder.name}/socket"
        command = [sys.executable, "-m", "tests.warm", self._address]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=_AT_FIRST
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listens\n"

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """`deploydb ARGUMENTS` to its end: exit code, or the negative number of the signal that ended it; stdout;
        stderr. Raises: subprocess.TimeoutExpired."""
        asked = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}).encode()
        (stdin_there, stdin_here), (out_here, out_there), (err_here, err_there) = (os.pipe() for _ in range(3))
        theirs = stdin_there, out_there, err_there
        with socket.socket(socket.AF_UNIX) as connection, ThreadPoolExecutor(3) as threads:
            try:
                connection.connect(self._address)
                socket.send_fds(connection, [asked[:1]], theirs)
            finally:
                for number in theirs:
                    os.close(number)
            threads.submit(_write, stdin_here, stdin)
            out, err = threads.submit(_read, out_here), threads.submit(_read, err_here)
            connection.sendall(asked[1:])
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile() as answers:
                pid = int(answers.readline())
                connection.settimeout(timeout)
                try:
                    code = int(answers.readline())
                except TimeoutError as error:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(["deploydb", *arguments], timeout) from error
            return code, out.result(), err.result()

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=60)
        self._folder.cleanup()


@cache
def warm() -> Warm:
    """The one of this process, started when it is first asked for."""
    started = Warm()
    atexit.register(started.close)
    return started


def starts_alike(environment: Mapping[str, str]) -> bool:
    """Whether what an interpreter reads only when it starts is as it was for the warm one."""
    return all(
        environment.get(name) == _AT_FIRST.get(name)
        for name in {*environment, *_AT_FIRST}
        if name.startswith(_READ_AT_START)
    )


def _read(number: int) -> bytes:
    with open(number, "rb") as stream:
        return stream.read()


def _write(number: int, text: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(number, "wb") as stream:
        stream.write(text)


def _serve(address: str) -> list[str]:
    """Fork until stdin ends. Returns the arguments of a command, in the process that is to run it."""
    from deploydb.cli.commands import COMMANDS

    for module, _, _ in (place.partition(":") for place, _ in COMMANDS.values()):
        import_module(f"deploydb.cli.{module}")
    gc.freeze()  # a look at it would copy it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that wait for commands are reaped
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("listens", flush=True)
        while True:
            ready, _, _ = select.select([listening, 0], [], [])
            if 0 in ready:
                sys.exit()
            connection, _ = listening.accept()
            with connection:
                if os.fork():
                    continue
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _fork(connection)


def _fork(connection: socket.socket) -> list[str]:
    """Tell who has asked the id of the process, and how it has ended. Returns in that process."""
    message, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as rest:
        message += rest.read()
    pid = os.fork()
    if pid == 0:
        connection.close()
        return _become(json.loads(message), streams)
    for number in (*streams, 0, 1, 2):
        os.close(number)
    with contextlib.suppress(OSError):  # who has asked is gone
        connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(asked: dict[str, Any], streams: Sequence[int]) -> list[str]:
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    sys.path[0] = asked["cwd"]
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = _opened(0, "r", sys.stdin)
    sys.stdout = sys.__stdout__ = _opened(1, "w", sys.stdout)
    sys.stderr = sys.__stderr__ = _opened(2, "w", sys.stderr)
    return ["deploydb", *asked["arguments"]]


def _opened(number: int, mode: str, like: TextIO) -> TextIO:
    opened: Any = open(number, mode, encoding=like.encoding, errors=like.errors, closefd=False)  # noqa: SIM115
    opened.buffer.raw.name = like.name  # such as <stdin>
    return opened


def _run() -> int:
    """As an interpreter runs a program, and what it says of an error that nothing has caught."""
    from deploydb.cli import main

    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.argv = _serve(sys.argv[1])
    code = _run()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)  # without taking apart everything that was imported, which takes longer than most commands
