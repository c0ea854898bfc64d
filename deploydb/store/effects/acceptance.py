"""Whether a person's acceptance of a file would change anything."""

from collections.abc import Sequence

from deploydb.domain.model.artifact import Artifact
from deploydb.domain.model.publications import Acceptance, Publication, standing

Words = Sequence[Publication | Acceptance]


def has_file(words: Words, digest: str | None) -> bool:
    """Whether the version was published with the digest."""
    return any(isinstance(one, Publication) and not one.observed and one.artifact.digest == digest for one in words)


def acceptance_obstacle(words: Words, file: Artifact) -> str | None:
    """Why the acceptance of a file of a version would change nothing; None where it would. `words`: on the version."""
    version = f"{file.module}:{file.version}"
    if not has_file(words, file.digest):
        digests = [one.artifact.digest for one in words if isinstance(one, Publication)]
        known = ", ".join(dict.fromkeys(filter(None, digests))) or "none"
        return f"{version} was not published with {file.digest}; known digests: {known}"
    before = standing(words)
    after = standing([*words, Acceptance(key=before.first.key, digest=file.digest or "", event=0)])
    if (before.first, before.conflict) == (after.first, after.conflict):
        return f"{file.digest} is the file of {version}, and nothing contradicts it"
    return None
