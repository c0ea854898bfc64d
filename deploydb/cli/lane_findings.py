"""What `doctor` finds of lanes: those in which no release passes."""

from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from deploydb.cli.client import Body
from deploydb.cli.finding import Finding
from deploydb.domain.model.catalog import Catalog
from deploydb.query.starvation import starved_body
from deploydb.store.engine import reading
from deploydb.store.queries.starvation import starved_lanes


def lane_findings(source: sa.Engine | Body, catalog: Catalog | None) -> Iterator[Finding]:
    """The starved lanes: of the database, or as the query service's answer on operations has them."""
    if not isinstance(source, sa.Engine):
        texts = [one["text"] for one in source.get("starved", ())]
    elif catalog is None:
        advice = "see the finding on the configuration"
        yield Finding(check="starved lanes", state="warn", seen="not checked: no configuration", advice=advice)
        return
    else:
        with reading(source) as connection:
            texts = [starved_body(one).text for one in starved_lanes(connection, catalog, datetime.now(UTC))]
    advice = "`deploydb why SERVICE ENVIRONMENT` has the reason; `deploydb promote` lets one version past the stages"
    for text in texts:
        yield Finding(check="starved lanes", state="warn", seen=text, advice=advice)
    if not texts:
        yield Finding(check="starved lanes", state="ok", seen="releases pass in every lane")
