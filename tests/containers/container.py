"""A container without an engine: a mount namespace of its own with a root that is read-only, the container's mounts at
their paths, its user, and no capabilities. Processes and network are those of the machine."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tests.missing import missing

_OF_THE_MACHINE = (
    *("usr", "dev", "proc"),
    *("etc/ld.so.cache", "etc/nsswitch.conf", "etc/passwd", "etc/group", "etc/ssl", "etc/alternatives"),
)
_LINKS = ("bin", "lib", "lib64", "sbin")


class Container(Struct, frozen=True, kw_only=True):
    """`mounts`: files and folders of the machine by their paths in the container, `writable` those that may be written.
    `tmpfs`: empty folders that may be written, by any user."""

    command: Sequence[str]
    user: str
    environment: Mapping[str, str]
    mounts: Mapping[str, Path]
    writable: Mapping[str, Path] = {}
    tmpfs: Sequence[str] = ()
    folder: str = "/"

    def start(self, root: Path, **options: Any) -> "subprocess.Popen[str]":
        """Start its process, with `root` as an empty folder to be mounted on."""
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", self._script(root), "container"]
        return subprocess.Popen([*words, *self.command], env=self.environment, text=True, **options)

    def run(self, root: Path, **options: Any) -> str:
        """Run it to its end, which must be a good one. Returns what it prints."""
        process = self.start(root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        return output

    def _script(self, root: Path) -> str:
        uid, _, gid = self.user.partition(":")
        bound = {f"/{name}": Path("/", name) for name in _OF_THE_MACHINE if Path("/", name).exists()}
        lines = [f"mkdir -p {root}", f"mount -t tmpfs -o mode=755 container {root}"]
        lines += [f"cp -P /{name} {root}/" for name in _LINKS if Path("/", name).is_symlink()]
        bound |= {str(path): path for path in _python()}
        for target, source in sorted((bound | dict(self.mounts)).items()):
            lines += _bind(source, f"{root}{target}", only_read=True)
        for target, source in sorted(self.writable.items()):
            lines += [f"chown {uid}:{gid} {source}", *_bind(source, f"{root}{target}", only_read=False)]
        for target in self.tmpfs:
            lines += [f"mkdir -p {root}{target}", f"mount -t tmpfs -o mode=1777 container {root}{target}"]
        lines.append(f"mount -o remount,ro {root}")
        drop = f"setpriv --reuid={uid} --regid={gid} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
        lines.append(f'exec /usr/sbin/chroot {root} {drop} env --chdir={self.folder} "$@"')
        return "\n".join(lines)


def _bind(source: Path, target: str, *, only_read: bool) -> list[str]:
    make = f"mkdir -p {target}" if source.is_dir() else f"mkdir -p {Path(target).parent} && touch {target}"
    lines = [make, f"mount --rbind {source} {target}"]
    return [*lines, f"mount -o remount,bind,ro {target}"] if only_read else lines


def _python() -> set[Path]:
    """The Python of the tests and their packages, which stand for those of the image."""
    found = {Path(sys.base_prefix), Path(msgspec.__file__).parents[1]}
    return {path for path in found if not path.is_relative_to("/usr")}


def program(name: str) -> Path:
    """One of the packages of the tests, which have it for the usual machine. Without it the test is skipped."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        missing(f"{name} is not in the environment: make test")
    return path


def needs_namespaces() -> None:
    """Skip the test where the user may not mount; in CI it fails."""
    if (
        shutil.which("setpriv") is not None
        and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0
    ):
        return
    missing("containers need root: mount namespaces")
