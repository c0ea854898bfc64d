"""The releases that a replay has heard of, each one value however many services it goes through."""

from datetime import datetime

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.deployment import Release


class Releases:
    """Of two publications of a version the earlier one stands; either stands before a mere sighting."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Release] = {}
        self._sighted: set[int] = set()

    def published(self, artifact: Artifact, at: datetime, by: str) -> Release:
        """The release of an artifact that somebody has published."""
        before = self._known.get((artifact.module, artifact.version))
        if before is not None and before.id not in self._sighted and before.published_at <= at:
            return before
        release = self._keep(artifact, at, by)
        self._sighted.discard(release.id)
        return release

    def sighted(self, artifact: Artifact, at: datetime, by: str) -> Release:
        """The release of an artifact that somebody has seen running."""
        before = self._known.get((artifact.module, artifact.version))
        if before is not None:
            return before
        release = self._keep(artifact, at, by)
        self._sighted.add(release.id)
        return release

    def _keep(self, artifact: Artifact, at: datetime, by: str) -> Release:
        key = (artifact.module, artifact.version)
        ident = self._known[key].id if key in self._known else len(self._known) + 1
        self._known[key] = Release(id=ident, artifact=artifact, published_at=at, published_by=by)
        return self._known[key]
