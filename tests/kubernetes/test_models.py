"""The resources of KEDA and of Prometheus' operator have the fields of their definitions."""

from copy import deepcopy

from tests.kubernetes.manifests import Object, of_kind, overlay
from tests.kubernetes.models import MODELS, findings

KINDS = {"ScaledObject", "TriggerAuthentication", "PodMonitor", "PrometheusRule"}


def test_every_field_is_one_of_the_definition(production: tuple[Object, ...]) -> None:
    resources = [each for each in production if each["apiVersion"] in MODELS]
    assert {each["kind"] for each in resources} == KINDS
    assert [finding for each in resources for finding in findings(each)] == []


def test_a_wrong_field_is_found() -> None:
    scaled = deepcopy(of_kind(overlay("production"), "ScaledObject")["ingest"])
    scaled["spec"]["minReplicas"] = 1
    scaled["spec"]["maxReplicaCount"] = "8"
    del scaled["spec"]["triggers"][0]["type"]
    assert sorted(findings(scaled)) == [
        "ScaledObject.spec.maxReplicaCount: '8' is no int",
        "ScaledObject.spec.minReplicas is unknown",
        "ScaledObject.spec.triggers[0].type is missing",
    ]
