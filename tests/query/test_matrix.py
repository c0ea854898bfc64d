"""The lanes of one answer are of one moment, whatever others ask at the same time."""

from collections.abc import Callable, Collection

from deploydb.query.lane_bodies import Lane
from deploydb.query.matrix import Matrix
from deploydb.store.queries.lanes import Wanted
from deploydb.store.queries.live_intervals import LiveIntervalView
from tests.scenario import NOON, catalog


def running(version: str) -> LiveIntervalView:
    return LiveIntervalView(
        service="foo",
        environment="dev",
        module="com.example:foo",
        version=version,
        published_at=NOON,
        deployment=1,
        kind="deploy",
        status="RUNNING",
        since=NOON,
        trigger_reason=None,
        status_reason=None,
        previous=None,
        previous_live_at=None,
        attempt=1,
        conflict=None,
    )


def test_an_answer_is_of_its_own_moment_though_another_is_made_meanwhile() -> None:
    configured = catalog()

    def answer(version: str, ended_of: Callable[[Collection[Wanted]], Collection[Wanted]]) -> list[Lane]:
        return Matrix(configured).now(["foo"], [running(version)], [], [], [], [], [], ended_of)

    def meanwhile(_wanted: Collection[Wanted]) -> Collection[Wanted]:
        answer("1.0", lambda _: ())
        return ()

    dev, _prod = answer("1.1", meanwhile)
    assert [one.version for one in dev.running] == ["1.1"]
    dev, _prod = answer("1.0", lambda _: ())
    assert [one.version for one in dev.running] == ["1.0"]
