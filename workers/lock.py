"""One process at a time, by a lock that the operating system lets go of when the process dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploydb.domain.model.errors import Misconfigured
from deploydb.private_files import make_file, make_folder


@contextmanager
def held(path: Path, *, taken: str) -> Iterator[None]:
    """Hold the lock on a file, made where it is missing; its text is the holder's process id.

    Raises: Misconfigured with `taken` and who holds it, or where the file cannot be written.
    """
    try:
        make_folder(path.parent)
        make_file(path)
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise Misconfigured(f"cannot write {path}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Misconfigured(f"{taken} (process {file.read().strip() or 'unknown'})") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
