"""More of everything than a statement may have parameters: 65,535 on PostgreSQL, 32,766 on SQLite."""

import pytest

from deploydb.domain.model.catalog import Service, Stage
from deploydb.store import bulk, claims, promotion
from deploydb.store.list_parameters import among, among_rows
from deploydb.store.promotion import evaluate
from deploydb.store.queries import artifacts, blame, deployments
from deploydb.store.snapshot import snapshots
from deploydb.store.tables import artifact, current_version, deployment, evaluation_request, flow, service_schedule
from tests.scenario import NOON, Scenario, catalog

MANY = 70_000


def test_a_service_with_more_open_deployments_than_parameters_is_loaded(database_url: str) -> None:
    with Scenario(database_url) as world:
        world.publish("1.0")
        world.evaluate()
        (known,) = world.rows(artifact)
        (first, *_) = world.rows(deployment)
        queued = [
            {
                "service": "foo",
                "environment": "prod",
                "artifact_id": known.id,
                "version": "1.0",
                "kind": "deploy",
                "status": "NOT_STARTED",
                "created_at": NOON,
            }
        ] * MANY
        with world.engine.begin() as connection:
            bulk.insert_rows(connection, deployment, queued)
            (situation,) = snapshots(connection, ["foo"], world.catalog, world.now)
            assert len(situation.deployments) == MANY + 2
            idents = [one.id for one in situation.deployments]
            # all that reads by a list
            assert deployments.words_on(connection, idents) == []
            assert blame.ran_before(connection, idents) == {}
            assert list(artifacts.artifacts_by_id(connection, idents)) == [known.id]
            assert deployments.deployment_by_id(connection, first.id) is not None


def test_lists_match_what_is_in_them(database_url: str) -> None:
    with Scenario(database_url) as world:
        world.publish("1.0")
        world.evaluate()
        world.deploy()
        with world.engine.connect() as connection:
            found = service_schedule.select().where(
                among(service_schedule.c.service, [f"s{number}" for number in range(MANY)] + ["foo"])
            )
            assert [row.service for row in connection.execute(found)] == ["foo"]
            assert (
                connection.execute(service_schedule.select().where(among(service_schedule.c.service, []))).all() == []
            )
            place = (current_version.c.service, current_version.c.environment)
            for lanes, number in (([("foo", "dev"), *(("é'\"", f"{each}") for each in range(MANY))], 1), ([], 0)):
                assert len(connection.execute(current_version.select().where(among_rows(place, lanes))).all()) == number


def test_a_round_is_bounded_by_rows_and_what_is_left_comes_in_the_next(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "MOST_ROWS", 10)
    monkeypatch.setattr(promotion, "MOST_ROWS", 10)
    services = [Service(ident=f"s{number}", artifacts=("g:shared",), pipelines=("main",)) for number in range(8)]
    stages = tuple(Stage(environment=name) for name in ("dev", "test", "prod"))
    with Scenario(database_url, catalog(*services, stages=stages)) as world:
        for version in range(3):
            artifact_ = {"group": "g", "name": "shared", "version": f"{version}"}
            world.tell("artifact.published", artifact=artifact_)
        sizes = []
        for _ in range(100):
            before = len(world.rows(deployment))
            evaluated = evaluate(world.engine, world.catalog, world.now)
            sizes.append(len(world.rows(deployment)) - before)
            if not evaluated.more:
                break
        assert max(sizes) <= 12
        assert sum(sizes) == 8 * 3 * 3
        assert len(world.rows(flow)) == 8 * 3
        assert world.rows(evaluation_request) == []
        assert len({(command.service, command.environment) for command in world.commands()}) == 24
