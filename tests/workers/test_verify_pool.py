"""As many checks at one time as verify takes, on a pool of connections as its composition root opens it."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
import sqlalchemy as sa

from deploydb.domain.model.errors import Transient
from deploydb.store import engine as store
from deploydb.store.engine import open_engine, reading
from tests.servers import until
from tests.workers.verify_bench import SOON, Bench
from tests.workers.verify_bench import bench as bench
from workers import verify
from workers.verify import CONCURRENCY, SETTLING


@pytest.fixture
def pooled(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """With the pool of a worker, a short wait for a connection of it, and all checks at one host."""
    monkeypatch.setattr(verify, "PER_HOST", CONCURRENCY)
    bench.configure(
        *(
            bench.webhook("/wait", ident=f"web{number:02}", interval=SOON, timeout=timedelta(seconds=20))
            for number in range(CONCURRENCY)
        )
    )
    bench.web.reply("/wait", 200)
    bench.deployed()
    bench.world.engine.dispose()
    monkeypatch.setattr(store, "_POOL_TIMEOUT_SECONDS", 0.2)
    bench.world.engine = open_engine(bench.database_url, name="verify", connections=SETTLING + 1)
    return bench


def test_all_checks_that_are_answered_at_one_moment_count_at_once(pooled: Bench) -> None:
    with pooled.working():
        until(lambda: len(pooled.web.asked) == CONCURRENCY, what="all are under way")
        pooled.web.released.set()
        pooled.until_done()
    assert pooled.facts() == [("passed", "200")] * CONCURRENCY
    assert len(pooled.web.asked) == CONCURRENCY, "none is asked a second time"
    assert "is lost" not in pooled.log.getvalue()


def test_checks_whose_answers_find_no_connection_are_asked_again(
    pooled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify.Verify, "_duration", lambda *_: timedelta(seconds=3))
    with pooled.working(), ExitStack() as taken:
        until(lambda: len(pooled.web.asked) >= CONCURRENCY, what="all are under way")
        for _ in range(SETTLING + 1):
            until(lambda: _took_one(taken, pooled.world.engine), what="a connection of the pool")
        pooled.web.released.set()
        until(lambda: pooled.log.getvalue().count("an answer is lost") >= CONCURRENCY, what="answers are lost")
        taken.close()
        pooled.until_done()
    assert pooled.facts() == [("passed", "200")] * CONCURRENCY


def _took_one(taken: ExitStack, engine: sa.Engine) -> bool:
    try:
        taken.enter_context(reading(engine))
    except Transient:
        return False
    return True
