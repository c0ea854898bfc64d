"""What `doctor` finds of lanes: those in which no release passes."""

from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from deploydb.cli.client import ask
from deploydb.cli.finding import Finding
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import DeployDBError
from deploydb.query.starvation import starved_body
from deploydb.store.engine import reading
from deploydb.store.queries.starvation import starved_lanes


def lane_findings(engine: sa.Engine | None, catalog: Catalog) -> Iterator[Finding]:
    """The starved lanes: of the database, or where there is none here, as the query service has them."""
    if engine is not None:
        now = datetime.now(UTC)
        with reading(engine) as connection:
            texts = [starved_body(one).text for one in starved_lanes(connection, catalog, now)]
    else:
        try:
            texts = [one["text"] for one in ask("operations").get("starved", ())]
        except DeployDBError:
            return  # the query service's own finding has the reason
    advice = "`deploydb why SERVICE ENVIRONMENT` has the reason; `deploydb promote` lets one version past the stages"
    for text in texts:
        yield Finding(check="starved lanes", state="warn", seen=text, advice=advice)
    if not texts:
        yield Finding(check="starved lanes", state="ok", seen="releases pass in every lane")
