"""Near misses: unmatched facts that differ by one name from the reports that a deployment waits for."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

import sqlalchemy as sa

from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.reasons import ReportedElsewhere
from deploydb.store.queries.deployments import DeploymentView
from deploydb.store.queries.unmatched import UnmatchedView, facts_near, misnamed_reports
from deploydb.store.tables import UNFINISHED

_LOOKED_BACK = 500
"""Of all unmatched facts, and of those of each pair of names, among which the near ones are looked for."""
_MOST = 3
_ALIKE = 0.75
_SHORTEST = 3
"""Letters that a beginning has in common with the whole name."""
_REPORTS = {"deployment.started": "the start", "deployment.finished": "the finish"}


def near_misses(
    connection: sa.Connection, catalog: Catalog, way: Sequence[DeploymentView]
) -> tuple[ReportedElsewhere, ...]:
    """The reports that the deployments on the way wait for, and that came under another name; the newest first."""
    waiting = [view for view in way if view.status in UNFINISHED and view.kind != "external"]
    if not waiting:
        return ()
    lanes = [(view.service, view.environment, view.artifact.version) for view in waiting]
    facts = facts_near(connection, lanes, limit=_LOOKED_BACK)
    facts += misnamed_reports(connection, catalog, waiting[0].service)
    facts.sort(key=lambda fact: -fact.number)
    found = [miss for fact in facts for view in waiting for miss in _misses(catalog, view, fact)]
    return tuple(dict.fromkeys(found))[:_MOST]


def _misses(catalog: Catalog, view: DeploymentView, fact: UnmatchedView) -> Iterator[ReportedElsewhere]:
    if fact.deployment is not None:
        if fact.deployment == view.id:
            yield from _misnamed(catalog, view, fact)
        return
    what = _REPORTS.get(fact.type, fact.promotion)
    if what is None or not _is_awaited(catalog, view, fact):
        return
    pairs = (
        ("service", fact.service, view.service),
        ("environment", fact.environment, view.environment),
        ("version", fact.version, view.artifact.version),
    )
    different = [(field, reported, expected) for field, reported, expected in pairs if reported != expected]
    if len(different) != 1:
        return
    ((field, reported, expected),) = different
    if reported is not None and _is_near(catalog, view, field, reported, expected):
        yield ReportedElsewhere(what=what, field=field, reported=reported, expected=expected, source=fact.source)


def _misnamed(catalog: Catalog, view: DeploymentView, fact: UnmatchedView) -> Iterator[ReportedElsewhere]:
    """The gate that a report with an unknown promotion was probably for."""
    alike = [name for name in _open_gates(catalog, view) if _are_alike(fact.promotion or "", name)]
    for name in alike[:1]:
        yield ReportedElsewhere(
            what=name, field="promotion", reported=fact.promotion or "", expected=name, source=fact.source
        )


def _is_awaited(catalog: Catalog, view: DeploymentView, fact: UnmatchedView) -> bool:
    """Whether the deployment waits for such a report, under whatever names of its lane."""
    if fact.type in _REPORTS:
        return view.status in ("CREATED", "STARTED")
    return fact.promotion in _open_gates(catalog, view)


def _open_gates(catalog: Catalog, view: DeploymentView) -> list[str]:
    """The promotions that have to pass next: at the entry, or once it runs at the exit."""
    phase = "entry" if view.status == "NOT_STARTED" else "exit"
    passed = {result.promotion for result in view.results if result.phase == phase and result.outcome == "PASS"}
    configured = catalog.services.get(view.service)
    stages = catalog.stages(configured) if configured is not None else ()
    stage = next((one for one in stages if one.environment == view.environment), None)
    if configured is None or stage is None:
        return []
    entry = phase == "entry"
    asked = catalog.entry_promotions(stage.environment) if entry else catalog.exit_promotions(configured, stage)
    return [one.ident for one in asked if one.ident not in passed]


def _is_near(catalog: Catalog, view: DeploymentView, field: str, reported: str, expected: str) -> bool:
    """Whether one name was probably meant by the other. The name of something else that exists was not."""
    if field == "version":
        return _folded(reported) == _folded(expected)
    if field == "service":
        return reported not in catalog.services and _are_alike(reported, expected)
    stages = catalog.environments_of(view.service)
    if reported in stages:
        return False
    nearest = max(stages, key=lambda stage: _likeness(reported, stage), default=expected)
    return _are_alike(reported, expected) or (nearest == expected and expected[:_SHORTEST] == reported[:_SHORTEST])


def _are_alike(one: str, other: str) -> bool:
    """Whether they differ by little, or one goes on where the other ends: `dev`, `development`."""
    short, long = sorted((_folded(one), _folded(other)), key=len)
    return _likeness(one, other) >= _ALIKE or (len(short) >= _SHORTEST and long.startswith(short))


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, _folded(one), _folded(other)).ratio()


def _folded(name: str) -> str:
    """A name without what people vary: case, separators, the `v` of a version, and its build."""
    plain = name.casefold().partition("+")[0]
    return "".join(letter for letter in plain.removeprefix("v") if letter not in " _-/")
