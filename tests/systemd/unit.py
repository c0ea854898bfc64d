"""A unit file, and a process as systemd starts it: its command line, its environment, its credentials."""

import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from string import Template

from tests.cluster import ROOT

FOLDER = ROOT / "deploy/systemd"
_OURS = ("/opt/deploydb", "/etc/deploydb")


class Unit:
    """The settings of a unit, with the specifiers of an instance filled in. `root`: where our absolute paths begin."""

    def __init__(self, path: Path, *, root: Path, instance: str) -> None:
        self.root = root
        self.credentials = root / "run/credentials" / instance
        specifiers = {"%i": instance, "%d": str(self.credentials)}
        self._settings: list[tuple[str, str]] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            name, found, value = line.partition("=")
            if found and not line.startswith("#"):
                for specifier, text in specifiers.items():
                    value = value.replace(specifier, text)
                for ours in _OURS:
                    value = value.replace(ours, f"{root}{ours}")
                self._settings.append((name, value))

    def all(self, name: str) -> list[str]:
        return [value for found, value in self._settings if found == name]

    def environment(self) -> dict[str, str]:
        """That of Environment= and, with the last word, EnvironmentFile=."""
        lines = self.all("Environment")
        for value in self.all("EnvironmentFile"):
            path = Path(value.removeprefix("-"))
            if path.exists() or not value.startswith("-"):
                lines += [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def load_credentials(self) -> None:
        """As LoadCredential= does: all are there, or the process does not start."""
        self.credentials.mkdir(parents=True, exist_ok=True)
        for value in self.all("LoadCredential"):
            name, _, path = value.partition(":")
            (self.credentials / name).write_text(Path(path).read_text())

    def command(self, name: str, variables: Mapping[str, str]) -> list[str]:
        """The words of a command line: a variable of its own, `$NAME`, becomes as many as it has."""
        (line,) = self.all(name)
        words = []
        for word in shlex.split(line):
            filled = Template(word).safe_substitute(variables)
            words += filled.split() if word.startswith("$") else [filled]
        return words


class NotifySocket:
    """The datagrams of sd_notify, by lines. `sent` has them in their order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sent: list[list[str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    @property
    def lines(self) -> list[str]:
        return [line for lines in self.sent for line in lines]

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self._thread.join(5)
        self._socket.close()

    def _receive(self) -> None:
        while received := self._socket.recv(4096):
            self.sent.append(received.decode().splitlines())


class Service:
    """An instance that runs: its process, what it reports, its log."""

    def __init__(self, unit: Unit, process: subprocess.Popen[bytes], notified: NotifySocket, log: Path) -> None:
        self.process = process
        self.notified = notified
        self._unit = unit
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def reload(self) -> None:
        """`systemctl reload`."""
        command = self._unit.command("ExecReload", {"MAINPID": str(self.process.pid)})
        assert subprocess.run(command, check=False).returncode == 0

    def stop(self) -> int:
        """`systemctl stop`. Returns the exit code."""
        self.process.terminate()
        return self.process.wait(20)


@contextmanager
def started(unit: Unit, folder: Path, *, watchdog_seconds: float) -> Iterator[Service]:
    """The unit's process, with the environment of the unit and of systemd alone. Ended at the latest with the block."""
    unit.load_credentials()
    notified = NotifySocket(folder / "notify")
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "NOTIFY_SOCKET": str(notified.path),
        "WATCHDOG_USEC": str(int(watchdog_seconds * 1_000_000)),
        **unit.environment(),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            unit.command("ExecStart", environment), env=environment, cwd="/", stdin=subprocess.DEVNULL, stderr=log
        )
    try:
        yield Service(unit, process, notified, folder / "log")
    finally:
        process.kill()
        process.wait()
        notified.close()
