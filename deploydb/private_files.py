"""Files and folders for the user alone whom DeployDB runs as, whatever the umask is."""

import os
import stat
from contextlib import suppress
from pathlib import Path

_SQLITE_FILES = ("", "-wal", "-shm", "-journal")


def make_folder(path: Path) -> None:
    """Make a folder with its parents; the folder itself is 0700. One that is there stays as it is. Raises: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise
        return
    path.chmod(stat.S_IRWXU)


def make_file(path: Path) -> None:
    """Make an empty file, 0600; one that is there is narrowed. Raises: OSError."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR))
    narrow(path)


def make_sqlite_file(path: Path) -> None:
    """As `make_file`, with the files that SQLite keeps beside it. What cannot be made is left to SQLite to tell."""
    with suppress(OSError):
        make_file(path)
    for suffix in _SQLITE_FILES:
        with suppress(OSError):
            narrow(path.with_name(path.name + suffix))


def narrow(path: Path) -> bool:
    """Take the rights of group and others away, and from a file the right to run it. Raises: OSError where it is gone.

    Returns whether group and others have none afterwards. Another user's file stays as it is, as do folders that are
    not DeployDB's alone: a sticky one such as /tmp, the working folder and the home.
    """
    found = path.stat()
    if not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return True
    ours = found.st_uid == os.geteuid()
    kept = stat.S_IRWXU if stat.S_ISDIR(found.st_mode) else stat.S_IRUSR | stat.S_IWUSR
    if stat.S_ISDIR(found.st_mode):
        ours = ours and not found.st_mode & stat.S_ISVTX and path.resolve() not in (Path.cwd(), home())
    if not ours:
        return False
    path.chmod(found.st_mode & kept)
    return True


def home() -> Path | None:
    """The user's home; None for a user that is a number alone, as those of containers are, where HOME is not set."""
    try:
        return Path.home()
    except RuntimeError:
        return None
