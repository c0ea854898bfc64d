"""Releases in memory, by all that is known of their publications."""

from deploydb.domain.model.deployment import Release
from deploydb.domain.model.publications import Acceptance, Key, Publication, Standing, standing


class Releases:
    """Each version's publications and acceptances. A release has an id from when it is named."""

    def __init__(self) -> None:
        self.publications: dict[Key, list[Publication | Acceptance]] = {}
        self._ids: dict[Key, int] = {}
        self._keys: dict[int, Key] = {}

    def add(self, word: Publication | Acceptance) -> Release | None:
        """Take in a publication, or an acceptance. Returns the release where it has an id, and is another one by it."""
        if isinstance(word, Acceptance) and word.key not in self.publications:
            return None
        known = self.publications.setdefault(word.key, [])
        before = standing(known) if known else None
        known.append(word)
        id_ = self._ids.get(word.key)
        return _release(id_, now) if id_ is not None and (now := standing(known)) != before else None

    def named(self, key: Key, id_: int | None = None) -> Release:
        """The release of a version; `id_`: as the log has it."""
        given = self._ids.setdefault(key, id_ or len(self._ids) + 1)
        self._keys[given] = key
        return self.of(given)

    def of(self, id_: int) -> Release:
        """The release of an id."""
        return _release(id_, standing(self.publications[self._keys[id_]]))


def _release(id_: int, settled: Standing) -> Release:
    return Release(
        id=id_,
        artifact=settled.first.artifact,
        published_at=settled.first.at.time,
        published_by=settled.first.by,
        conflict=settled.conflict,
    )
