"""A machine to change: a copy of this one, which is gone at the end. Nothing is written to this one."""

import shutil
import subprocess
from pathlib import Path

from tests.containers.container import needs_namespaces
from tests.packages.wheel import run

_SCRIPT = """
mount -t tmpfs machine "$0"
cd "$0"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir="$0/upper",workdir="$0/work" root
for folder in dev proc; do mount --rbind /$folder root/$folder; done
for folder in run tmp; do mount -t tmpfs machine root/$folder; done
echo made
exec sleep infinity
"""
CALLS = "/run/systemctl"


class Machine:
    """Its files are those of this machine until they change. systemd does not run: `systemctl` notes its calls."""

    def __init__(self, folder: Path) -> None:
        needs_namespaces()
        self.folder = folder / "machine"
        self.folder.mkdir()

    def __enter__(self) -> "Machine":
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _SCRIPT, str(self.folder)]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "made\n"
        self.write("/usr/bin/systemctl", f'#!/bin/sh\necho "$*" >> {CALLS}\n', mode=0o755)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]

    def run(self, *command: str | Path) -> str:
        """Run a command there, as root, to its end, which must be a good one. Returns what it prints."""
        path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        inside = ["/usr/sbin/chroot", self.path("/"), "env", "--ignore-environment", path, "LANG=C.UTF-8", *command]
        return run("nsenter", f"--mount=/proc/{self._process.pid}/ns/mnt", *inside, folder=Path("/"))

    def path(self, path: str) -> Path:
        """A path of the machine, in its namespace."""
        return self.folder / "root" / path[1:]

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        self.run("mkdir", "-p", Path(path).parent)
        outside = Path("/proc", str(self._process.pid), "root", str(self.path(path))[1:])
        outside.unlink(missing_ok=True)
        outside.write_text(text)
        outside.chmod(mode)

    def copy(self, source: Path) -> str:
        """Copy a file or a folder of this machine there. Returns its path."""
        outside = Path("/proc", str(self._process.pid), "root", str(self.path("/tmp"))[1:], source.name)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, outside)
        return f"/tmp/{source.name}"

    @property
    def systemctl(self) -> list[str]:
        """The calls of `systemctl` so far."""
        return self.run("sh", "-c", f"cat {CALLS} 2>/dev/null || true").splitlines()
