"""The catalog in use, while people change its files."""

import os
from collections.abc import Iterator
from pathlib import Path

from deploydb.configuration.loading import load
from deploydb.configuration.problems import Problem
from deploydb.domain.catalog import Catalog
from deploydb.domain.errors import Misconfigured

_Look = tuple[tuple[str, int, int, int, int], ...]


class LiveCatalog:
    """The last good catalog of a directory. A broken configuration never replaces it, and says what is wrong.

    Raises: Misconfigured, with every problem, where there is no good one to begin with.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: _Look | None = self._look()
        loaded = load(directory)
        if loaded.catalog is None:
            listed = "\n".join(str(problem) for problem in loaded.problems)
            raise Misconfigured(f"the configuration in {directory} is broken:\n{listed}")
        self.catalog: Catalog = loaded.catalog
        self.problems: tuple[Problem, ...] = ()

    def refresh(self, force: bool = False) -> bool:
        """Read the directory again if a file has changed, or in any case. Whether another good catalog is in use now.

        A look costs a stat of each file. `problems` are those of the last reading. Files that change while they are
        read are read again at the next call: what was read of them may be half of the old and half of the new.
        """
        look = self._look()
        if look == self._seen and not force:
            return False
        loaded = load(self._directory)
        if self._look() != look:
            self._seen = None
            return False
        self._seen = look
        self.problems = loaded.problems
        if loaded.catalog is None or loaded.catalog.digest == self.catalog.digest:
            return False
        self.catalog = loaded.catalog
        return True

    def _look(self) -> _Look:
        """Name, times, size and inode of every file and folder: what tells that somebody has changed something.

        Links are followed, so that a link which is turned to another place is seen, as Kubernetes does it.
        """
        return tuple(sorted(_stats(self._directory, levels=2)))


def _stats(folder: Path, *, levels: int) -> Iterator[tuple[str, int, int, int, int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # gone, or not readable: what is in it is not there
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            stat = entry.stat()
        except OSError:
            # gone between the two, or a link to nowhere: there by its name alone
            yield entry.path, 0, 0, 0, 0
            continue
        yield entry.path, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino
        if levels > 1 and entry.is_dir():
            yield from _stats(Path(entry.path), levels=levels - 1)
