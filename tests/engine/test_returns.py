"""Releases that run again, in the engine's memory."""

from msgspec.structs import replace

from deploydb.domain.model.running import CurrentVersion
from deploydb.engine.returns import returns
from tests.domain.given import FOO, at, deployment, release


def test_a_return_by_a_deployment_that_is_not_known_is_left_to_the_snapshot() -> None:
    known = deployment("1.0", live_at=at(0))
    between = replace(deployment("2.0", live_at=at(5)), id=2, release=release("2.0", ident=2))
    ran = CurrentVersion(deployment=3, release=known.release, live_at=at(9))
    running = {("dev", FOO): ran}
    assert returns([known], running, [known, between], {}) == {}
    back = replace(known, id=3, live_at=at(9))
    assert returns([known], running, [known, between, back], {})[known.id].since == at(9)
