"""Services that take no releases, as it is answered."""

from deploydb.domain.formatting import listed
from deploydb.domain.model.catalog import Catalog


def incomplete_texts(catalog: Catalog) -> list[str]:
    """`shop takes no releases: it lacks environments/prod.yml`, of each such service."""
    return [
        f"{ident} takes no releases: it lacks {listed(incomplete.lacks)}"
        for ident, incomplete in sorted(catalog.incomplete.items())
    ]
