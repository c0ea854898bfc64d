"""Queues for a configuration that has changed, made beside the watch of `deploydb up`."""

from collections.abc import Callable
from queue import Empty, Queue
from threading import Thread

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import DeployDBError
from deploydb.redaction import redacted

AGAIN_AFTER_SECONDS = 2.0


class Queues:
    """A broker that is away or hangs ends nothing: it is tried again, and `warn` is called once with the reason."""

    def __init__(self, provision: Callable[[Catalog], None], *, warn: Callable[[str], None]) -> None:
        self._provision = provision
        self._warn = warn
        self._wanted: Queue[Catalog] = Queue()
        Thread(target=self._run, name="queues", daemon=True).start()

    def make(self, catalog: Catalog) -> None:
        """Return at once. It is tried until it is done, or a newer catalog comes."""
        self._wanted.put(catalog)

    def _run(self) -> None:
        catalog: Catalog | None = None
        warned = ""
        while True:
            try:
                catalog = self._wanted.get(timeout=AGAIN_AFTER_SECONDS)
            except Empty:
                if catalog is None:
                    continue
            try:
                self._provision(catalog)
                catalog, warned = None, ""
            except (DeployDBError, OSError) as error:
                if str(error) != warned:
                    warned = str(error)
                    self._warn(f"not all queues of the changed configuration exist yet: {redacted(warned)}")
