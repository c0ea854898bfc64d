"""What `doctor` finds of facts: those that match nothing, sources whose clocks are ahead,
and versions with two files."""

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from msgspec import to_builtins

from deploydb.cli.client import Body, ask
from deploydb.cli.finding import Finding
from deploydb.domain.formatting import in_words
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import DeployDBError
from deploydb.domain.model.publications import REMEDY
from deploydb.query.unmatched import unmatched_in
from deploydb.store.clock_skew import recently_skewed
from deploydb.store.engine import reading
from deploydb.store.queries.contradictions import contradictions
from deploydb.store.queries.unmatched import recently_unmatched

_MOST = 50


def fact_findings(engine: sa.Engine | None, catalog: Catalog) -> Iterator[Finding]:
    """What there is to say of facts: of the database, or where there is none here, as the query service has it."""
    if engine is not None:
        with reading(engine) as connection:
            unmatched, last = recently_unmatched(connection, catalog), unmatched_in(connection, catalog, limit=1)
            clocks = [(skew.source, skew.ahead.total_seconds()) for skew in recently_skewed(connection)]
            contradicted = [to_builtins(one) for one in contradictions(connection, limit=_MOST)]
        yield _unmatched(unmatched, to_builtins(last))
        yield from _clocks(clocks)
        yield from _contradictions(contradicted)
        return
    try:
        body = ask("operations")
    except DeployDBError:
        return  # the query service's own finding has the reason
    yield _unmatched(body["unmatched"], body["unmatchedFacts"])
    yield from _clocks([(one["source"], one["aheadSeconds"]) for one in body.get("skewedClocks", ())])
    yield from _contradictions(body.get("contradictions", []))


def _unmatched(recently: int, newest: list[Body]) -> Finding:
    if not recently:
        return Finding(check="unmatched facts", state="ok", seen="every recent fact has found its deployment")
    last = newest[0]
    seen = f"{recently} match nothing, the last: {last['type']} by {last['source']}: {last['why']}"
    advice = "`deploydb unmatched` lists them: correct their sources, and publish them again"
    return Finding(check="unmatched facts", state="warn", seen=seen, advice=advice)


def _clocks(ahead: list[tuple[str, float]]) -> Iterator[Finding]:
    for source, seconds in ahead:
        by = in_words(timedelta(seconds=round(seconds)))
        seen = f"the clock of {source} is {by} ahead of ours: its facts count from their arrival"
        yield Finding(check="clocks of sources", state="warn", seen=seen, advice=f"synchronise {source} with NTP")
    if not ahead:
        yield Finding(check="clocks of sources", state="ok", seen="none is ahead of ours")


def _contradictions(versions: list[Body]) -> Iterator[Finding]:
    for one in versions:
        seen = f"{one['module']} {one['version']}: {one['conflict']}"
        yield Finding(check="contradictions", state="warn", seen=seen, advice=REMEDY)
    if not versions:
        yield Finding(check="contradictions", state="ok", seen="no version has two files")
