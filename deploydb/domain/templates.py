"""Texts with places for what is deployed: `https://example.com/check?version={version}`."""

import re
from collections.abc import Callable

from deploydb.domain.state import Deployment

PLACES = ("service", "environment", "version", "deployment", "group", "name", "digest", "commit")
"""What may stand in braces. Braces around anything else are left alone: PromQL and JSON have braces of their own."""

_PLACE = re.compile(r"\{([a-z_]+)\}")


def fill(template: str, known: Deployment, quote: Callable[[str], str]) -> str:
    """The text for one deployment. `quote` makes a value safe for where it is put; what is not known is empty."""
    artifact = known.release.artifact
    values = {
        "service": known.service,
        "environment": known.environment,
        "version": artifact.version,
        "deployment": str(known.id),
        "group": artifact.group,
        "name": artifact.name,
        "digest": artifact.digest or "",
        "commit": artifact.commit or "",
    }
    return _PLACE.sub(lambda found: quote(values[found[1]]) if found[1] in values else found[0], template)


def unknown_places(template: str) -> list[str]:
    """The words in braces that stand for nothing, in their order."""
    return [name for name in _PLACE.findall(template) if name not in PLACES]
