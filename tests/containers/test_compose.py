"""deploy/compose.yaml: as Docker Compose reads it, with the least rights, and all of its services as processes."""

import json
import re
import shlex
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml

from deploydb.broker.topology import topology_of
from deploydb.broker.users import users
from deploydb.configuration import LiveCatalog
from deploydb.store.privileges import WRITES
from tests.cluster import ROOT
from tests.containers.compose import OURS, Machine, copied, in_order, resolved
from tests.containers.image import Image
from tests.containers.running import Running
from tests.monitoring.promtool import PROMETHEUS, promtool
from tests.monitoring.test_dashboards import DASHBOARDS
from tests.servers import PostgreSQL, RabbitMQ
from workers.__main__ import WORKERS

GUIDE = (ROOT / "docs/how-to/compose.md").read_text(encoding="utf-8")
CLI = "docker compose -f deploy/compose.yaml run --rm cli "
NO_DATABASE = {"definitions", "provision", "deployer", "cli"}
NO_BROKER = {"definitions", "migrate", "promote", "verify"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return resolved()


def test_every_service_is_hardened(project: dict[str, Any]) -> None:
    for name, service in project["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"].split(":")[0] not in ("0", "root"), name
        assert int(service["mem_limit"]) > 0, name
        assert service["image"].partition(":")[2] not in ("", "latest"), name
        assert all(port["host_ip"] == "127.0.0.1" for port in service.get("ports", ())), name


def test_a_service_has_its_own_secrets_and_networks_and_no_other(project: dict[str, Any]) -> None:
    ours = {name: service for name, service in project["services"].items() if service["image"] == OURS}
    assert ours.keys() == {*WORKERS, "web", "deployer", "cli", "definitions", "provision", "migrate"}
    for name, service in ours.items():
        user = {"web": "gateway", "cli": "ci"}.get(name, name)
        role = {"migrate": "owner"}.get(name, name)
        servers = {secret["source"] for secret in service.get("secrets", ()) if "-url-" in secret["source"]}
        expected = set() if name in NO_DATABASE else {f"database-url-{role}"}
        expected |= set() if name in NO_BROKER else {f"broker-url-{user}"}
        assert servers == expected, name
        networks = set(service.get("networks", ()))
        assert ("database" in networks, "broker" in networks) == (name not in NO_DATABASE, name not in NO_BROKER), name
        assert "environment" not in service or not any("://" in v and "@" in v for v in service["environment"].values())
    assert all(project["networks"][name]["internal"] for name in ("database", "broker", "metrics"))


def test_the_secrets_are_what_services_read_of_every_user_and_role_and_are_kept(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    make, secrets = folder / "compose/make-secrets", folder / "secrets"
    subprocess.run(make, check=True)
    made = {path: path.read_text() for path in secrets.rglob("*") if path.is_file()}
    live = LiveCatalog(ROOT / "config")
    read = {Path(secret["file"]) for secret in resolved(folder=folder)["secrets"].values()}
    assert read <= made.keys()
    assert {path for path in made if path.parent == secrets} <= read
    names = {user.name for user in users(topology_of(live.catalog), live.orchestrators)}
    assert {path.name for path in (secrets / "rabbitmq").iterdir()} == names
    roles = {path.name for path in (secrets / "postgresql").iterdir()}
    assert roles == set(WRITES) - {"query", "gateway"} | {"owner"}
    assert secrets.stat().st_mode & 0o777 == 0o700
    (secrets / "broker-url/ci").unlink()
    subprocess.run(make, check=True)
    assert {path: path.read_text() for path in secrets.rglob("*") if path.is_file()} == made


def test_prometheus_finds_every_process_by_the_name_that_rules_know(project: dict[str, Any], tmp_path: Path) -> None:
    path = ROOT / "deploy/compose/prometheus.yml"
    jobs = {job["job_name"]: job for job in yaml.safe_load(path.read_text())["scrape_configs"]}
    (found,) = jobs["deploydb"]["dns_sd_configs"]
    (beside,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    assert set(found["names"]) == {group["labels"]["process"] for group in beside["static_configs"]}
    for name in found["names"]:
        assert "metrics" in project["services"][name]["networks"]
    mounts = {one["target"]: Path(one["source"]) for one in project["services"]["prometheus"]["volumes"]}
    for name in ("prometheus.yml", "rules.yml"):
        (tmp_path / name).write_text(mounts[f"/etc/prometheus/{name}"].read_text())
    promtool("check", "config", tmp_path / "prometheus.yml")


def test_grafana_has_that_prometheus_and_every_dashboard_and_a_password_of_its_own(project: dict[str, Any]) -> None:
    grafana = project["services"]["grafana"]
    mounts = {one["target"]: Path(one["source"]) for one in grafana["volumes"] if one["type"] == "bind"}
    assert all(one["read_only"] for one in grafana["volumes"] if one["type"] == "bind")
    (source,) = _provisioned(mounts, "datasources")
    address = urlsplit(source["url"])
    assert address.port == int(project["services"][address.hostname]["ports"][0]["target"])
    assert "metrics" in set(grafana["networks"]) & set(project["services"][address.hostname]["networks"])
    assert (source["type"], source["isDefault"], source["editable"]) == ("prometheus", True, False)
    (provider,) = _provisioned(mounts, "dashboards")
    assert sorted(mounts[provider["options"]["path"]].glob("*.json")) == DASHBOARDS
    assert provider["allowUiUpdates"] is False
    ranges = [int(days) for path in DASHBOARDS for days in re.findall(r"\[(\d+)d\]", path.read_text())]
    (kept,) = re.findall(r"retention\.time=(\d+)d", " ".join(project["services"][address.hostname]["command"]))
    assert int(kept) >= max(ranges)
    (secret,) = grafana["secrets"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"] == secret["target"]
    assert secret["source"] == "grafana-password"


def _provisioned(mounts: dict[str, Path], kind: str) -> list[dict[str, Any]]:
    """What Grafana reads at its start: https://grafana.com/docs/grafana/latest/administration/provisioning/."""
    read = yaml.safe_load(mounts[f"/etc/grafana/provisioning/{kind}/deploydb.yml"].read_text())
    return list(read["providers" if kind == "dashboards" else kind])


@pytest.fixture
def machine(image: Image, own_rabbitmq: RabbitMQ, own_postgresql: PostgreSQL, tmp_path: Path) -> Machine:
    """Servers as the file's, where nothing has been done yet, and the secrets made."""
    folder = copied(tmp_path / "clone")
    subprocess.run([folder / "compose/make-secrets"], check=True)
    project = resolved(folder=folder)
    password = Path(project["secrets"]["postgresql-password"]["file"]).read_text()
    own_postgresql.execute(f"CREATE ROLE deploydb LOGIN SUPERUSER PASSWORD '{password}'")
    own_postgresql.create_database("deploydb")
    own_postgresql.execute("ALTER DATABASE deploydb OWNER TO deploydb")
    servers = {
        "rabbitmq:5672": f"127.0.0.1:{own_rabbitmq.port}",
        "postgresql:5432": f"127.0.0.1:{own_postgresql.port}",
    }
    return Machine(project, image, tmp_path, servers)


class Started(Running):
    """The services as `docker compose up --wait` starts them."""

    def __init__(self, machine: Machine, rabbitmq: RabbitMQ, folder: Path) -> None:
        super().__init__(machine.network, folder)
        self.machine = machine
        self._rabbitmq = rabbitmq

    def up(self) -> None:
        services = self.machine.services
        for name in in_order(services):
            if name == "rabbitmq":
                self._import_definitions()
            elif services[name]["image"].startswith("postgres:") and name != "postgresql":
                programs = f"{PostgreSQL.programs()}:/usr/bin:/bin"
                self.run(self.machine.container(name, PATH=programs))
            elif services[name]["image"] == OURS and "profiles" not in services[name]:
                container = self.machine.container(name)
                if services[name]["restart"] == "on-failure":
                    self.run(container)
                else:
                    self.start(name, container)
        for name in self.processes:
            self.until_it_answers(name, "/readyz")

    def _import_definitions(self) -> None:
        volumes = {one["target"]: one for one in self.machine.services["rabbitmq"]["volumes"]}
        conf = Path(volumes["/etc/rabbitmq/conf.d/20-deploydb.conf"]["source"]).read_text()
        path = conf.rpartition(" = ")[2].strip()
        assert volumes[str(Path(path).parent)]["source"] == "definitions"
        made = self.machine.container("definitions").writable["/var/lib/deploydb"] / Path(path).name
        self._rabbitmq.api("POST", "definitions", json.loads(made.read_text()))


def test_all_of_it_starts_and_a_release_reaches_prod_by_the_commands_of_the_guide(
    machine: Machine, own_rabbitmq: RabbitMQ, own_postgresql: PostgreSQL, tmp_path: Path
) -> None:
    started = Started(machine, own_rabbitmq, tmp_path)
    with ExitStack() as stack:
        stack.callback(started.kill)
        started.up()
        for name in started.processes:
            started.run(machine.health_check(name))
        _every_login_is_its_own(own_postgresql, own_rabbitmq)
        printed = [
            started.run(machine.container("cli", *shlex.split(line.removeprefix(CLI))))
            for line in GUIDE.splitlines()
            if line.startswith(CLI)
        ]
        assert "prod" in printed[-1]
        deployed = machine.container("deployer").writable["/var/lib/deploydb"] / "example/prod/storefront"
        assert deployed.read_text() == "1.4.0\n"
        started.stop()


def _every_login_is_its_own(postgresql: PostgreSQL, rabbitmq: RabbitMQ) -> None:
    with psycopg.connect(postgresql.url("deploydb")) as connection:
        rows = connection.execute("SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'deploydb'")
        roles = {row[0] for row in rows} - {"postgres"}
    workers = ("ingest", "promote", "relay", "verify", "notify", "orchestrate", "web")
    assert roles <= {f"deploydb_{name}" for name in workers}
    assert "deploydb_promote" in roles
    connected = {one["user"] for one in rabbitmq.api("GET", "connections")}
    assert connected <= {"ingest", "relay", "notify", "orchestrate", "gateway", "deployer"}
    assert "deployer" in connected


def test_the_guide_names_files_and_services_that_exist(project: dict[str, Any]) -> None:
    """No engine runs here: `Started.up` does what `up` does, and the commands of `run` run there."""
    for line in GUIDE.splitlines():
        words = shlex.split(line.strip()) if line.strip().startswith(("docker compose", "deploy/")) else []
        if words[:2] == ["docker", "compose"]:
            assert (ROOT / words[3]).exists()
            if words[4] == "run":
                assert words[6] in project["services"]
            elif words[4] == "up":
                assert {word for word in words[5:] if not word.startswith("-")} <= set(project["services"])
            else:
                assert words[4] == "down"
        elif words:
            assert (ROOT / words[0]).exists()
