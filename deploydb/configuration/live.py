"""The catalog in use, reloaded when its files change."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from deploydb.configuration.loading import load
from deploydb.configuration.problems import Problem
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import Misconfigured

_Look = tuple[tuple[str, int, int, int, int], ...]


class LiveCatalog:
    """The last good catalog of a directory. A broken configuration never replaces it; its problems are kept. Neither
    does one in which a service of it lacks something. `missing`: what services of the catalog lack.

    Raises: Misconfigured, with every problem, where the first reading gives no catalog.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: _Look | None = self._look()
        loaded = load(directory)
        if loaded.catalog is None:
            listed = "\n".join(str(problem) for problem in loaded.problems)
            raise Misconfigured(f"the configuration in {directory} is broken:\n{listed}")
        self.catalog: Catalog = loaded.catalog
        self.hooks = loaded.hooks
        self.orchestrators = loaded.orchestrators
        self.files = loaded.files
        self.problems: tuple[Problem, ...] = ()
        self.missing = loaded.missing
        self.read_at = time.time()
        """When the files were last read without a problem, in seconds of Unix."""

    def refresh(self, force: bool = False) -> bool:
        """Read the directory again if a file has changed, or with `force`. Returns whether the catalog has changed.

        A look costs a stat of each file. `problems` are those of the last reading. Files that change while they are
        read are read again at the next call: such a reading may be half old and half new.
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
        if loaded.catalog is not None and _stopped(self.catalog, loaded.catalog):
            self.problems = loaded.missing
        if self.problems or loaded.catalog is None:
            return False
        self.read_at = time.time()
        self.hooks, self.orchestrators, self.missing = loaded.hooks, loaded.orchestrators, loaded.missing
        if loaded.catalog.digest == self.catalog.digest:
            return False
        self.catalog, self.files = loaded.catalog, loaded.files
        return True

    def _look(self) -> _Look:
        """Name, times, size and inode of every file and folder: one of them changes with a change of a file.

        Links are followed: Kubernetes changes a configuration by turning a link.
        """
        return tuple(sorted(_stats(self._directory, levels=2)))


def _stopped(before: Catalog, after: Catalog) -> bool:
    """Whether a service names something that is missing, and did not before. One without a pipeline names nothing."""
    both = (after.incomplete[ident].service for ident in before.services.keys() & after.incomplete.keys())
    return any(service.artifacts and service.pipelines for service in both)


def _stats(folder: Path, *, levels: int) -> Iterator[tuple[str, int, int, int, int]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # gone, or not readable: as if empty
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            stat = entry.stat()
        except OSError:
            # gone in between, or a broken link: its name alone counts
            yield entry.path, 0, 0, 0, 0
            continue
        yield entry.path, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino
        if levels > 1 and entry.is_dir():
            yield from _stats(Path(entry.path), levels=levels - 1)
