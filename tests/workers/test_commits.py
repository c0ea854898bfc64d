"""Facts that name a release by its commit: matched when it is there, and never guessed."""

from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from deploydb.store.tables import deployment, event, unmatched_fact, verification
from tests.workers.in_process import InProcess, fact, published, until

COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"
_ABOUT = (
    sa.select(verification.c.event_id, deployment.c.environment, deployment.c.version)
    .join(deployment, deployment.c.id == verification.c.deployment_id)
    .order_by(verification.c.event_id)
)


def checked(id_: str, commit: str, **more: Any) -> bytes:
    lane = {"service": "foo", "environment": "dev", "commit": commit}
    return fact("verification.finished", id_, promotion=f"p-{id_}", outcome="passed", **{**lane, **more})


def release(version: str, commit: str = COMMIT) -> bytes:
    artifact = {"group": "com.example", "name": "foo", "version": version, "commit": commit}
    return fact("artifact.published", f"foo-{version}", artifact=artifact)


def about(workshop: InProcess) -> list[tuple[str, str, str]]:
    return [tuple(row) for row in workshop.rows(_ABOUT)]


def unmatched(workshop: InProcess) -> dict[str, str]:
    statement = sa.select(event.c.id, unmatched_fact.c.why).join(event, event.c.number == unmatched_fact.c.event)
    return {row.id: row.why for row in workshop.rows(statement)}


@pytest.mark.parametrize("order", sorted(permutations(("whole", "short", "release"))))
def test_a_commit_is_matched_whichever_comes_first(workshop: InProcess, order: tuple[str, ...]) -> None:
    bodies = {"whole": checked("whole", COMMIT), "short": checked("short", COMMIT[:8]), "release": release("1.0")}
    workshop.start("ingest", "promote")
    for name in order:
        workshop.publish(bodies[name])
        ident = "foo-1.0" if name == "release" else name
        until(lambda ident=ident: workshop.rows(sa.select(event.c.id).where(event.c.id == ident)), "it is stored")
    expected = [("short", "dev", "1.0"), ("whole", "dev", "1.0")]
    until(lambda: about(workshop) == expected, "both are about the release")
    assert unmatched(workshop) == {}


def test_a_commit_in_capitals_is_the_same(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(checked("a", COMMIT), release("1.0", COMMIT.upper()), checked("b", COMMIT[:8].upper()))
    until(lambda: about(workshop) == [("a", "dev", "1.0"), ("b", "dev", "1.0")], "both are about the release")


def test_a_commit_of_no_release_of_several_or_that_is_none_is_unmatched(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    workshop.publish(release("1.0"), release("1.1"), release("2.0", f"a{COMMIT[1:]}"), published("3.0"))
    until(lambda: len(workshop.rows(sa.select(deployment.c.id))) == 8, "the flows")
    workshop.publish(
        checked("several", COMMIT),
        checked("unknown", "1234567"),
        checked("too-short", "a"),
        checked("branch", "main%"),
        checked("elsewhere", f"a{COMMIT[1:]}", environment="qa"),
        checked("module", f"a{COMMIT[1:]}", artifact="com.example:foo"),
        checked("version", "1234567", version="3.0"),
    )
    until(lambda: about(workshop) == [("module", "dev", "2.0"), ("version", "dev", "3.0")], "those that are found")
    why = unmatched(workshop)
    assert sorted(why) == ["branch", "elsewhere", "several", "too-short", "unknown"]
    assert why["unknown"] == "no release of foo in dev has the commit 1234567, or several have it"
    assert workshop.dead() == []


def test_a_historical_fact_names_its_version(workshop: InProcess) -> None:
    workshop.start("ingest")
    workshop.publish(checked("old", COMMIT, historical=True))
    (letter,) = until(workshop.dead, "the dead letter")
    assert "(or `commit`)" in letter.reason
