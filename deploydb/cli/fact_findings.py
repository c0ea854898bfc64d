"""What `doctor` finds of facts: those that match nothing, sources whose clocks are ahead,
and versions with two files."""

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from msgspec import to_builtins
from msgspec.structs import replace

from deploydb.cli.client import Body
from deploydb.cli.finding import Finding
from deploydb.domain.formatting import in_words
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.publications import REMEDY
from deploydb.query.inbox_contradictions import differing_text
from deploydb.query.unmatched import unmatched_in, unmatched_text
from deploydb.store.clock_skew import recently_skewed
from deploydb.store.duplicates import recently_differing
from deploydb.store.engine import reading
from deploydb.store.queries.contradictions import contradictions
from deploydb.store.queries.unmatched import recently_unmatched

_MOST = 50


def fact_findings(source: sa.Engine | Body, catalog: Catalog | None) -> Iterator[Finding]:
    """What there is to say of facts: of the database, or as the query service's answer on operations has it. Without a
    catalog the promotions in the database's facts are not checked."""
    if not isinstance(source, sa.Engine):
        yield _unmatched(source["unmatched"], source["unmatchedFacts"])
        yield from _clocks([(one["source"], one["aheadSeconds"]) for one in source.get("skewedClocks", ())])
        yield from _contradictions(source.get("contradictions", []))
        yield from _differing(source.get("differingDuplicates", []))
        return
    known = catalog or Catalog()
    with reading(source) as connection:
        unmatched, last = recently_unmatched(connection, known), unmatched_in(connection, known, limit=1)
        clocks = [(skew.source, skew.ahead.total_seconds()) for skew in recently_skewed(connection)]
        contradicted = [to_builtins(one) for one in contradictions(connection, limit=_MOST)]
        differing = [to_builtins(one) for one in recently_differing(connection)]
    finding = _unmatched(unmatched, to_builtins(last))
    unchecked = "; promotions not checked: no configuration" if catalog is None else ""
    yield replace(finding, seen=finding.seen + unchecked)
    yield from _clocks(clocks)
    yield from _contradictions(contradicted)
    yield from _differing(differing)


def _unmatched(recently: int, newest: list[Body]) -> Finding:
    if not recently:
        return Finding(check="unmatched facts", state="ok", seen="every recent fact has found its deployment")
    last = newest[0]
    seen = unmatched_text(recently, last["type"], last["source"], last["why"])
    advice = (
        "`deploydb unmatched` lists them: correct their sources and publish them again, or let a pipeline take the "
        "version (`branches`)"
    )
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


def _differing(facts: list[Body]) -> Iterator[Finding]:
    for one in facts:
        seen = differing_text(*(one[name] for name in ("source", "id", "publisher", "fact", "other")))
        advice = "give each fact an id of its own; where another publisher uses the source, limit it in access.yml"
        yield Finding(check="duplicates", state="warn", seen=seen, advice=advice)
    if not facts:
        yield Finding(check="duplicates", state="ok", seen="no recent fact differs from the one with its id")
