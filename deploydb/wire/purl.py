"""Package URLs as artifacts: which module and which version one names."""

import re
from typing import Any

from packageurl import PackageURL

from deploydb.domain.model.errors import MessageRejected
from deploydb.wire.error_messages import shortened

_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-fA-F]{32,}")
_IMAGES = ("oci", "docker")


def artifact_of_purl(purl: str, path: str) -> dict[str, Any]:
    """The fields of the artifact that a package URL names: group, name, version, digest, and itself.

    The group is the namespace; of a container image without one the registry and folders of its `repository_url`; else
    the type. The version of an image is its `tag`, else its digest. Without a version there is none. Raises:
    MessageRejected with the path for what is no package URL.
    """
    try:
        found = PackageURL.from_string(purl)
    except ValueError as error:
        raise MessageRejected(shortened(f"not a package URL: {error}"), path=path) from error
    qualifiers: dict[str, str] = dict(found.qualifiers or {})
    digest = found.version if found.version and _DIGEST.fullmatch(found.version) else None
    repository, _, _ = qualifiers.get("repository_url", "").rpartition("/") if found.type == "oci" else ("", "", "")
    checksums = qualifiers.get("checksum", "").split(",")
    fields = {
        "group": found.namespace or repository or found.type,
        "name": found.name,
        "version": (qualifiers.get("tag") if found.type in _IMAGES else None) or found.version,
        "digest": digest or next(filter(_DIGEST.fullmatch, sorted(checksums, key=_is_weak)), None),
        "purl": found.to_string(),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _is_weak(checksum: str) -> bool:
    """Of several checksums of one file the SHA-256 is the one that others name."""
    return not checksum.startswith("sha256:")
