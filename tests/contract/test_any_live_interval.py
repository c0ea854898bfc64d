"""What ran at any time, and was known at any time, of any history: the tables beside the log and beside the present."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from deploydb.domain.model.catalog import Catalog
from deploydb.engine.log_fold import LogFold
from deploydb.store.catalog_listings import enter
from deploydb.store.engine import reading
from deploydb.store.queries.live_intervals import ran_at, running_now
from tests.contract.folding import folded
from tests.contract.test_log_fold import CATALOGS, EXAMPLES, HISTORIES, play
from tests.scenario import Scenario

Seen = dict[tuple[str, str, str], tuple[int, str, datetime]]
"""By service, environment and module: the deployment, its status, and since when it ran."""


def now(world: Scenario) -> Seen:
    with reading(world.engine) as connection:
        found = running_now(connection, None, None)
    return {(one.service, one.environment, one.module): (one.deployment, one.status, one.since) for one in found}


def then(world: Scenario, at: datetime, known_at: datetime | None) -> Seen:
    with reading(world.engine) as connection:
        found = ran_at(connection, at, known_at, None, None)
    return {(one.service, one.environment, one.module): (one.deployment, one.status, one.since) for one in found}


def of_log(fold: LogFold, at: datetime, known_at: datetime) -> Seen:
    """What the log has of what ran at a time and was recorded by another."""
    last: dict[tuple[str, str, str], tuple[Any, ...]] = {}
    for id_, intervals in fold.live.intervals.items():
        deployment = fold.deployment(id_)
        lane = (deployment.service, deployment.environment, deployment.release.artifact.module)
        for one in intervals.values():
            place = (one.live_at, one.release.published_at, id_)
            if one.live_at <= at and one.known_at <= known_at and place > last.get(lane, ()):
                last[lane] = place
    found: Seen = {}
    for lane, (since, _, id_) in last.items():
        statuses = [one.status for one in fold.live.statuses[id_] if one.since <= at and one.known_at <= known_at]
        found[lane] = (id_, str(statuses[-1]) if statuses else "COMPLETED", since)
    return found


def times(history: Sequence[tuple[Any, ...]], world: Scenario) -> Iterator[datetime]:
    """The times after each step, when promotion has looked; what is recorded later is recorded at another time.

    Without renames: they change the names of the past, too.
    """
    for step in (one for one in history if one[0] != "rename"):
        play(world, [step])
        world.evaluate()
        yield world.now
        world.now += timedelta(seconds=1)


@settings(max_examples=EXAMPLES // 8, suppress_health_check=list(HealthCheck), phases=[Phase.generate], deadline=None)
@given(CATALOGS, HISTORIES)
def test_the_past_is_as_it_was_seen_and_as_the_log_has_it(
    sqlite_template: Path, tmp_path: Path, known: Catalog, history: list[tuple[Any, ...]]
) -> None:
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'past.db')}"
    with Scenario(url, known) as world:
        enter(world.engine, known, world.now)
        seen = {at: now(world) for at in times(history, world)}
        for at, present in seen.items():
            assert then(world, at, at) == present
        fold = folded(world.engine)
        moments = [*seen][:: max(len(seen) // 4, 1)]
        for at in (moment - timedelta(minutes=3) for moment in moments):
            for known_at in moments:
                assert then(world, at, known_at) == of_log(fold, at, known_at)
            assert then(world, at, None) == of_log(fold, at, world.now)
