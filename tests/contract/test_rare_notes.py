"""Notes that a source gets once an hour cost the notes of the last hour, however many the log has."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from tests.scenario import Scenario


@pytest.mark.parametrize("noted", ["clock.skewed", "duplicate.differed"])
def test_the_notes_of_the_last_hour_are_found_by_their_numbers(sqlite_url: str, noted: str) -> None:
    asked: list[tuple[str, Any]] = []
    with Scenario(sqlite_url) as world:
        sa.event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
        world.publish("1.0", id="1", time=(world.now + timedelta(hours=1)).isoformat())
        world.publish("2.0", id="1")
        ((statement, parameters),) = [one for one in asked if f"'{noted}'" in one[0]]
        with world.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert "SEARCH event USING INDEX ix_event_rare (type=? AND number>?)" in [row.detail for row in plan]
