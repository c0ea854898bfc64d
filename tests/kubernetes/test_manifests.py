"""deploy/kubernetes: valid by Kubernetes' own schemas, with the least rights, and every name is that of something."""

import base64
import json
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from deploydb import __version__
from deploydb.broker.topology import topology_of
from deploydb.broker.users import users
from deploydb.configuration import LiveCatalog
from deploydb.configuration.loading import _IDENT as FOLDERS
from deploydb.store.privileges import WRITES
from tests.cli.shell import Shell
from tests.cluster import ROOT
from tests.containers import dockerfile
from tests.kubernetes.manifests import (
    CONFIGURATION,
    FOLDER,
    Object,
    config_maps,
    containers,
    of_kind,
    overlay,
    pods,
    secret_of,
    selected,
    variables,
)
from tests.kubernetes.prometheus_rule import prometheus_rule
from workers.__main__ import WORKERS
from workers.stop_deadline import END_WITHIN_SECONDS

OF_OPERATORS = ("rabbitmq.com", "postgresql.cnpg.io", "monitoring.coreos.com", "keda.sh")
PROCESSES = {*WORKERS, "web"}
NO_DATABASE = {"deployer", "provision"}
NO_BROKER = {"promote", "verify", "migrate"}
SMALL = {*PROCESSES, "deployer", "toolbox", "migrate", "provision"}


@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_every_object_of_kubernetes_is_valid(objects: tuple[Object, ...], version: str) -> None:
    own = [each for each in objects if not each["apiVersion"].startswith(OF_OPERATORS)]
    for each in [*own, *config_maps()]:
        kubernetes_validate.validate(each, version, strict=True)
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == "deploydb"


def test_no_two_objects_have_one_name(objects: tuple[Object, ...], secrets: tuple[Object, ...]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in [*objects, *secrets, *config_maps()]]
    assert len(set(names)) == len(names)


def test_every_pod_keeps_to_the_pod_security_standard_restricted_and_writes_nothing(
    objects: tuple[Object, ...],
) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    for name, pod in pods(objects).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["enableServiceLinks"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        context = spec["securityContext"]
        assert (context["runAsNonRoot"], context["seccompProfile"]) == (True, {"type": "RuntimeDefault"}), name
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == dockerfile.user(), name
        allowed = {"emptyDir", "configMap", "secret"}
        assert all(volume.keys() - {"name"} <= allowed for volume in spec["volumes"]), name
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"].keys() == {"requests", "limits"}, name
            assert container["image"].rpartition(":")[2] in (__version__, "17"), name


def test_a_process_is_probed_where_it_answers_and_has_time_to_end(objects: tuple[Object, ...]) -> None:
    for name in PROCESSES:
        pod = pods(objects)[name]
        (container,) = pod["spec"]["containers"]
        (port,) = container["ports"]
        assert (port["name"], port["containerPort"]) == ("http", 8080)
        probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert {probe["port"] for probe in probes.values()} == {"http"}
        assert [probes[kind]["path"] for kind in probes] == ["/healthz", "/healthz", "/readyz"]
        sleep = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pod["spec"]["terminationGracePeriodSeconds"] >= sleep + END_WITHIN_SECONDS + 3
    assert selected({"matchLabels": {"app.kubernetes.io/name": "deploydb"}}, objects) == set(pods(objects))


def test_a_process_has_its_own_secret_and_reaches_what_it_needs_and_no_more(
    objects: tuple[Object, ...], secrets: tuple[Object, ...]
) -> None:
    made = of_kind(secrets, "Secret")
    policies = of_kind(objects, "NetworkPolicy")
    found = {name: secret_of(pod) for name, pod in pods(objects).items()}
    assert found == {name: name for name in found}
    for name in found:
        addresses = {
            urlsplit(base64.b64decode(value).decode().strip()).username
            for key, value in made[name]["data"].items()
            if key.endswith("-url")
        }
        role = {"migrate": "deploydb"}.get(name, f"deploydb_{name}")
        user = {"web": "gateway"}.get(name, name)
        if name != "toolbox":
            assert addresses == {role for _ in [0] if name not in NO_DATABASE} | {
                user for _ in [0] if name not in NO_BROKER
            }
    reaches = {policy: selected(each["spec"]["podSelector"], objects) for policy, each in policies.items()}
    assert reaches["broker"] == found.keys() - NO_BROKER
    assert reaches["database"] == found.keys() - NO_DATABASE
    assert reaches["outside"] == {"verify", "notify", "orchestrate", "deployer"} & found.keys()
    assert reaches["deny-all"] == reaches["names"] == reaches["traces"] == found.keys()
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_mounted_file_variable_account_and_service_is_there(
    objects: tuple[Object, ...], secrets: tuple[Object, ...]
) -> None:
    made = of_kind(secrets, "Secret")
    maps = of_kind(objects, "ConfigMap") | of_kind(config_maps(), "ConfigMap")
    for name, pod in pods(objects).items():
        spec = pod["spec"]
        assert spec["serviceAccountName"] in of_kind(objects, "ServiceAccount")
        volumes = {each["name"]: each for each in spec["volumes"]}
        for volume in volumes.values():
            if "configMap" in volume and not volume["configMap"].get("optional"):
                assert volume["configMap"]["name"] in maps
        claims = of_kind(objects, *("StatefulSet",)).get(name, {"spec": {}})["spec"].get("volumeClaimTemplates", [])
        for container in containers(pod):
            for mount in container["volumeMounts"]:
                assert mount["name"] in volumes.keys() | {claim["metadata"]["name"] for claim in claims}, name
            for source in container.get("envFrom", ()):
                assert source["configMapRef"]["name"] in maps
            for variable, value in variables(container):
                if variable.endswith("_FILE"):
                    folder, _, key = value.rpartition("/")
                    (mount,) = [each for each in container["volumeMounts"] if each["mountPath"] == folder]
                    assert key in made[volumes[mount["name"]]["secret"]["secretName"]]["data"], (name, variable)
                assert "://" not in value or "@" not in value
    for name, each in of_kind(objects, "Service").items():
        assert selected({"matchLabels": each["spec"]["selector"]}, objects) == {name}
    for each in of_kind(objects, "StatefulSet").values():
        assert each["spec"]["serviceName"] in of_kind(objects, "Service")


def test_every_folder_of_a_configuration_has_its_place() -> None:
    names = {f"config-{folder}" for folder in FOLDERS} | {"config"}
    assert of_kind(config_maps(), "ConfigMap").keys() <= names
    for name, pod in pods(overlay("small")).items():
        volumes = {each["name"] for each in pod["spec"]["volumes"] if each["name"].startswith("config")}
        assert volumes == (set() if name in ("migrate", "relay", "deployer") else names), name
        (container,) = pod["spec"]["containers"]
        at = {each["name"]: each["mountPath"] for each in container["volumeMounts"] if each["name"] in volumes}
        root = dockerfile.environment()["DEPLOYDB_CONFIG"]
        assert at == {each: f"{root}/{each.removeprefix('config-')}" if "-" in each else root for each in volumes}


def test_production_is_highly_available(production: tuple[Object, ...]) -> None:
    deployments = of_kind(production, "Deployment")
    assert pods(production).keys() == {*PROCESSES, "toolbox", "migrate", "provision"}
    for name in PROCESSES:
        spec = deployments[name]["spec"]
        assert spec.get("replicas", 2) == 2
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        keys = [each["topologyKey"] for each in spec["template"]["spec"]["topologySpreadConstraints"]]
        assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    budgets = of_kind(production, "PodDisruptionBudget")
    assert budgets.keys() == {*PROCESSES, "rabbitmq"}
    for name in PROCESSES:
        assert selected(budgets[name]["spec"]["selector"], production) == {name}
        assert budgets[name]["spec"]["maxUnavailable"] == 1
    assert of_kind(production, "RabbitmqCluster")["rabbitmq"]["spec"]["replicas"] == 3
    assert of_kind(production, "Cluster")["postgresql"]["spec"]["instances"] == 3
    (host,) = of_kind(production, "Ingress")["web"]["spec"]["tls"][0]["hosts"]
    (settings,) = [each["data"] for name, each in of_kind(production, "ConfigMap").items() if name[:8] == "settings"]
    assert settings == {
        "DEPLOYDB_URL": f"https://{host}",
        "DEPLOYDB_PROXIES": "10.0.0.0/8",
        "DEPLOYDB_READ": "token",
    }


def test_small_has_one_of_each() -> None:
    assert pods(overlay("small")).keys() == SMALL
    assert all(each["spec"].get("replicas", 1) == 1 for each in of_kind(overlay("small"), "Deployment").values())


def test_ingest_is_scaled_by_its_queue_and_by_keda_alone(
    production: tuple[Object, ...], secrets: tuple[Object, ...]
) -> None:
    scaled = of_kind(production, "ScaledObject")["ingest"]["spec"]
    target = of_kind(production, "Deployment")[scaled["scaleTargetRef"]["name"]]
    assert "replicas" not in target["spec"]
    (trigger,) = scaled["triggers"]
    queues = of_kind(production, "Queue")
    assert queues[trigger["metadata"]["queueName"]]["spec"]["vhost"] == trigger["metadata"]["vhostName"]
    login = of_kind(production, "TriggerAuthentication")[trigger["authenticationRef"]["name"]]["spec"]
    for each in login["secretTargetRef"]:
        assert each["key"] in of_kind(secrets, "Secret")[each["name"]]["data"]
    address = urlsplit(trigger["metadata"]["host"])
    assert address.hostname == "rabbitmq.deploydb.svc"


def test_prometheus_reads_every_process_by_the_labels_that_rules_know(production: tuple[Object, ...]) -> None:
    assert of_kind(built_rules := (prometheus_rule(),), "PrometheusRule")["deploydb"] == {
        **(rule := of_kind(production, "PrometheusRule")["deploydb"]),
        "metadata": {"name": rule["metadata"]["name"]},
    }, "run `make definitions`, and commit what changes"
    assert built_rules
    monitor = of_kind(production, "PodMonitor")["deploydb"]["spec"]
    assert selected(monitor["selector"], production) == PROCESSES
    assert selected(monitor["selector"], overlay("small")) == {*PROCESSES, "deployer"}
    (endpoint,) = monitor["podMetricsEndpoints"]
    (relabeling,) = endpoint["relabelings"]
    assert relabeling["targetLabel"] == "process"
    label = relabeling["sourceLabels"][0].removeprefix("__meta_kubernetes_pod_label_")
    for name in PROCESSES:
        pod = pods(production)[name]
        labels = {key.replace(".", "_").replace("/", "_"): value for key, value in pod["metadata"]["labels"].items()}
        assert labels[label] == name
        assert pod["metadata"]["labels"][monitor["jobLabel"]] == "deploydb"
        assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}


def test_grafana_finds_every_dashboard_by_the_label_of_its_sidecar(production: tuple[Object, ...]) -> None:
    (found,) = [each for name, each in of_kind(production, "ConfigMap").items() if name.startswith("dashboards")]
    assert found["metadata"]["labels"] == {"grafana_dashboard": "1"}
    files = {path.name: json.loads(path.read_text()) for path in (ROOT / "deploy/grafana").glob("*.json")}
    assert {name: json.loads(text) for name, text in found["data"].items()} == files


def test_the_topology_is_that_of_the_configuration(secrets: tuple[Object, ...]) -> None:
    shell = Shell(ROOT, DEPLOYDB_CONFIG="config")
    made = shell.ok("broker", "definitions", "--kubernetes", "rabbitmq").stdout
    copy = (FOLDER / "rabbitmq/topology.yaml").read_text(encoding="utf-8")
    assert copy == made, "run `make definitions`, and commit what changes"
    live = LiveCatalog(CONFIGURATION)
    named = {user.name for user in users(topology_of(live.catalog), live.orchestrators)}
    for each in (each for each in yaml.safe_load_all(made) if each["kind"] == "User"):
        data = of_kind(secrets, "Secret")[each["spec"]["importCredentialsSecret"]["name"]]["data"]
        assert data.keys() == {"username", "password"}
        assert base64.b64decode(data["username"]).decode() == each["metadata"]["name"]
        named.remove(each["metadata"]["name"])
    assert not named


def test_postgresql_has_a_role_for_each_process(objects: tuple[Object, ...], secrets: tuple[Object, ...]) -> None:
    spec = of_kind(objects, "Cluster")["postgresql"]["spec"]
    made = of_kind(secrets, "Secret")
    roles = {each["name"]: each for each in spec["managed"]["roles"]}
    assert roles.keys() == {f"deploydb_{name}" for name in WRITES}
    logins = {each["passwordSecret"]["name"]: name for name, each in roles.items() if each["login"]}
    assert roles.keys() - set(logins.values()) == {"deploydb_query", "deploydb_gateway"}
    logins[spec["bootstrap"]["initdb"]["secret"]["name"]] = spec["bootstrap"]["initdb"]["owner"]
    for secret, role in logins.items():
        assert made[secret]["type"] == "kubernetes.io/basic-auth"
        assert base64.b64decode(made[secret]["data"]["username"]).decode() == role


def test_every_file_is_built(tmp_path: Path) -> None:
    listed: set[Path] = set()
    for path in FOLDER.rglob("kustomization.yaml"):
        read = yaml.safe_load(path.read_text())
        names = [*read.get("resources", ()), *(each["path"] for each in read.get("patches", ()))]
        listed |= {path, *((path.parent / name).resolve() for name in names)}
    assert {path for path in FOLDER.rglob("*.yaml") if path.parent.name != "secrets"} <= listed
