"""The schema that the migrations make is the one that the code was written for, on every database."""

from hashlib import sha256
from importlib.resources import files

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from deploydb.domain.model.errors import Misconfigured
from deploydb.store import silence_limit
from deploydb.store.engine import open_engine
from deploydb.store.schema import SchemaBehind, migrate, require_current
from deploydb.store.tables import metadata

LANDED = {
    "0001_the_first_tables.py": "d2a4d2b5d2545cfaef6946c392806ef04ff2c2a45f23a19a761a7b34a5709e77",
    "0002_deployments_in_the_log.py": "cc99879f055bcb050342422546cefa7ab977bd09e5b5d0de93f56c6767afc98f",
    "0003_incidents_by_all_reports.py": "6c144ed5f0a0b202cc2f08bbdd99d9859851ce181222d881e94ea1f665234db4",
    "0004_promotion_requests.py": "158dbdf4aa3a204e40e60a64ff8e70ca91d9d898bf2b8a4a4c5290ee779fbc7e",
    "0005_stages_of_services.py": "0ac79cb65e0179e56764ccc4856cfae504a74b03b7ebe0a3909b9a2d952deafd",
    "0006_configurations_in_force.py": "0d0451e54853f619b715eb6a2e15d9c499fcbbfc6d452e28692ca2dd226ae0ec",
    "0007_holds_beside_each_other.py": "dc06b0f85dc8af377631e55c7c264d8e534d874da47f323627022f8607ed0548",
    "0008_retries.py": "9f00f628e838537bd1aaa1b2d1ae1bff2f327e0451bdb219defdfd8834582a65",
    "0009_historical_artifacts.py": "6d20a41be660a74789baeb0537775920202cc38a853116c8ec5c7c360ecf0fa6",
    "0010_gates_that_cannot_tell.py": "0d5c30d2b371e7a907ecb49dfb5b9ba4c34af0f3af221c6f4783b2228966605c",
    "0011_what_is_rolled_back.py": "b9646d702a50097fe7099fd768a5aecbde2b2294989dd39f926e27ebff61b749",
    "0012_cost_of_the_past.py": "266bba07f01f4dbe639898242592b8ec5112600ee19b4bf5b620536e5a8eb391",
    "0013_incidents_of_before.py": "b4610b465d37d95cd51cdbb0cc9506f1a4d50bb7712e0dce5882f8ac716c2570",
    "0014_when_reports_were_recorded.py": "8593121ac465576adf9039da4857f6213791881805ed4ca6d4a46bcb20c0f7ec",
    "0015_when_people_spoke.py": "472cc4e7b17adec27c8337e35afc8e9c49da22654504aa8edc016071930ab96e",
    "0016_consumers_of_command_queues.py": "c4442e945941260992432662d16d6dcfece57c4e0262844e155884c2cc4680dc",
    "0017_accepted_files.py": "3a5ecc9d160f0593c409a4a6604b25e971cb4984517318f6e97aa75207e4c7e4",
    "0018_live_intervals.py": "c6a9f147b108963812809a1754d1bede7f9fa7855e10574de995d01f65e5f2e1",
    "0019_names_of_environments.py": "a6c17655fe8fa0ad2b134aa710722831396a9ce05104b6de6cc92b66665770d3",
    "0020_webhooks_out.py": "739a4d28f42c539e4d81207c0fe37057e8a443873ee77c9d893d2a7b1606a105",
    "0021_names_of_events.py": "e581816d90efefc5f28c992f8bbeee5424de4331aebc514b4387e906135c68ef",
    "0022_pages_of_approvals.py": "82b8767e99fde6b07d9adee2febfbb43c751db0b2292ec0b6a5c4b7fea28ce09",
    "0023_orchestrator_runs.py": "4e8ae0b928294ddb55b4f30428a33f78a28d57d44f0510ca3b3e4577b3398bf7",
    "0024_authors_of_artifacts.py": "6af0a314580c639bcb1c144a884b80d39345da4e40edd520a13b29454128d963",
    "0025_releases_that_wait.py": "dac574ae3974c65bcca2be47a6fb2590365baba2a3031967fff80d1aaf03fb68",
    "0026_oldest_processes.py": "634023b4b78b0c5c48c11869190309c9599c449c03d07364b9bf7e02690b6248",
    "0027_traces.py": "21eee389c084baf1c2a29adb402db656fdd402b50160e5252116e109b77e0c27",
    "0028_dead_letters.py": "efef8c61f0780d81b108cfb08cc929c208402144193711c2c74b9d8833654c21",
}
"""The SHA-256 of each landed revision. Databases have run it: it is never edited, and a change is a new revision."""


def test_a_landed_revision_is_frozen() -> None:
    versions = files("deploydb.store") / "migrations" / "versions"
    found = {
        path.name: sha256(path.read_bytes()).hexdigest() for path in versions.iterdir() if path.name.endswith(".py")
    }
    assert found == LANDED, "write a new revision, and add its hash here when it lands"


def test_the_migrations_make_exactly_the_tables_of_the_code(database_url: str) -> None:
    engine = open_engine(database_url, name="tests")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrating_a_current_schema_does_nothing(database_url: str) -> None:
    engine = open_engine(database_url, name="tests")
    assert migrate(engine) == []
    require_current(engine)
    engine.dispose()


@pytest.mark.servers
def test_a_revision_may_take_longer_than_other_statements(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgrade(configuration: Config, _revision: str) -> None:
        connection: sa.Connection = configuration.attributes["connection"]
        assert connection.exec_driver_sql("SHOW client_connection_check_interval").scalar() == "5s"
        connection.exec_driver_sql("SELECT pg_sleep(0.5)")

    monkeypatch.setattr(command, "upgrade", upgrade)
    monkeypatch.setattr(silence_limit, "MARGIN_SECONDS", 0.1)
    engine = open_engine(postgresql_url, name="tests", statement_timeout=0.2)
    assert migrate(engine) == []
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "200ms"
    engine.dispose()


def test_an_empty_database_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('db')}/empty.db", name="tests")
    with pytest.raises(Misconfigured, match="empty: run `deploydb db migrate`"):
        require_current(engine)
    engine.dispose()


def test_a_newer_schema_says_which_processes_can_work_with_it(database_url: str) -> None:
    engine = open_engine(database_url, name="tests")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    require_current(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE schema_support SET oldest = '9998'"))
    with pytest.raises(Misconfigured, match="revision 9999, for processes of revision 9998 and newer"):
        require_current(engine)
    engine.dispose()


def test_an_older_schema_is_waited_for(database_url: str) -> None:
    engine = open_engine(database_url, name="tests")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0025'"))
    with pytest.raises(SchemaBehind, match="revision 0025, this DeployDB needs"):
        require_current(engine)
    engine.dispose()
