"""The catalog in use, while people change its files."""

from pathlib import Path

from deploydb.configuration.loading import load
from deploydb.configuration.problems import Problem
from deploydb.domain.catalog import Catalog
from deploydb.domain.errors import Misconfigured

_Look = tuple[tuple[str, int, int], ...]


class LiveCatalog:
    """The last good catalog of a directory. A broken configuration never replaces it, and says what is wrong.

    Raises: Misconfigured, with every problem, where there is no good one to begin with.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen = self._look()
        loaded = load(directory)
        if loaded.catalog is None:
            listed = "\n".join(str(problem) for problem in loaded.problems)
            raise Misconfigured(f"the configuration in {directory} is broken:\n{listed}")
        self.catalog: Catalog = loaded.catalog
        self.problems: tuple[Problem, ...] = ()

    def refresh(self, force: bool = False) -> bool:
        """Read the directory again if a file has changed, or in any case. Whether another good catalog is in use now.

        A look costs a stat of each file. `problems` are those of the last reading.
        """
        look = self._look()
        if look == self._seen and not force:
            return False
        self._seen = look
        loaded = load(self._directory)
        self.problems = loaded.problems
        if loaded.catalog is None or loaded.catalog.digest == self.catalog.digest:
            return False
        self.catalog = loaded.catalog
        return True

    def _look(self) -> _Look:
        """Name, time and size of every file: what tells that somebody has changed something."""
        found = []
        for path in sorted(self._directory.glob("*/*")):
            try:
                stat = path.stat()
            except OSError:
                continue  # gone between the two: the next look sees that it is
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return tuple(found)
