"""An Eiffel event as it was sent, of its parts those that say something here."""

from typing import Any

import msgspec
from msgspec import Struct
from packageurl import PackageURL

from deploydb.domain.model.artifact import Name
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.unsafe_characters import is_name
from deploydb.wire.custom_data import Custom, Fields, custom_of

PREFIX = "Eiffel"
CREATED, ENVIRONMENT = "EiffelArtifactCreatedEvent", "EiffelEnvironmentDefinedEvent"
PUBLISHED, DEPLOYED = "EiffelArtifactPublishedEvent", "EiffelArtifactDeployedEvent"
CONFIDENCE = "EiffelConfidenceLevelModifiedEvent"
COMPOSITION = "EiffelCompositionDefinedEvent"
SUBMITTED, CHANGE = "EiffelSourceChangeSubmittedEvent", "EiffelSourceChangeCreatedEvent"

_CUSTOM = "$.data.customData.deploydb"
_ALGORITHMS = {"SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_LONGEST_URL = 8192


class _Source(Struct):
    domain: str | None = msgspec.field(default=None, name="domainId")


class _Meta(Struct):
    id: Name
    type: Name
    time: int
    source: _Source | None = None


class _Link(Struct):
    type: str
    target: str


class EiffelEvent(Struct):
    """Of `data` each type has its own."""

    meta: _Meta
    data: dict[str, Any] = {}
    links: list[_Link] = []

    @property
    def id(self) -> str:
        return self.meta.id

    @property
    def custom(self) -> Custom:
        """`deploydb` of `data.customData`, a list of keys and values. Raises: MessageRejected."""
        given = self.data.get("customData")
        pairs = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
        return custom_of(next((one.get("value") for one in pairs if one.get("key") == "deploydb"), None), _CUSTOM)

    @property
    def file(self) -> Fields:
        """The artifact that was created: by its package URL; of the first edition by its coordinates of Maven. Raises:
        MessageRejected."""
        path, found = "$.data.identity", self.text("identity")
        old = self.data.get("gav")
        if found is None and isinstance(old, dict):
            path = "$.data.gav"
            group, name, version = (self.text("gav", one) for one in ("groupId", "artifactId", "version"))
            if group is None or name is None or version is None:
                raise MessageRejected("needs groupId, artifactId and version, each a text", path=path)
            found = PackageURL("maven", group, name, version).to_string()
        if found is None:
            raise MessageRejected("is missing", path=path)
        return self._checksum | self.custom.file(found, path)

    @property
    def _checksum(self) -> Fields:
        """The digest of the only file of an artifact; nothing where it has none, or several files."""
        files = self.data.get("fileInformation")
        if not isinstance(files, list) or len(files) != 1 or not isinstance(files[0], dict):
            return {}
        given = files[0].get("integrityProtection")
        protection = given if isinstance(given, dict) else {}
        algorithm, digest = protection.get("alg"), protection.get("digest")
        named = _ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
        return {"digest": f"{named}:{digest.lower()}"} if named and isinstance(digest, str) and digest else {}

    @property
    def file_or_none(self) -> Fields | None:
        """`file` of an event that has one."""
        try:
            return self.file if self.meta.type == CREATED else None
        except MessageRejected:
            return None

    @property
    def url(self) -> str | None:
        """Its `uri`; None where it has none that is taken."""
        return url_of(self.data.get("uri"))

    def linked(self, *types: str) -> tuple[str, ...]:
        """The ids that its links of these types lead to, each once, in the order of the types. What no event can have
        is none."""
        found = (link.target for kind in types for link in self.links if link.type == kind and is_name(link.target))
        return tuple(dict.fromkeys(found))

    def text(self, *path: str) -> str | None:
        """A text in its data; None where there is none."""
        found: Any = self.data
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, str) and found else None

    def name(self, *path: str) -> str | None:
        """A text in its data that may be a name; None where there is none."""
        found = self.text(*path)
        return found if found is not None and is_name(found) else None


def url_of(found: Any) -> str | None:  # noqa: ANN401  # any JSON
    """A URL that is not too long; None where it is none."""
    return found if isinstance(found, str) and 0 < len(found) <= _LONGEST_URL else None


def eiffel_of(original: Any) -> EiffelEvent | None:  # noqa: ANN401  # any JSON
    """The event that is the `original` of a row of the log; None where it is none."""
    body = original.get("body") if isinstance(original, dict) else None
    if not is_eiffel(body):
        return None
    try:
        return msgspec.convert(body, EiffelEvent)
    except msgspec.ValidationError:
        return None


def is_eiffel(body: Any) -> bool:  # noqa: ANN401  # any JSON
    """Whether it has the form of an Eiffel event."""
    meta = body.get("meta") if isinstance(body, dict) else None
    kind = meta.get("type") if isinstance(meta, dict) else None
    return isinstance(kind, str) and kind.startswith(PREFIX)
