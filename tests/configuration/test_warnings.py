"""What check-config warns of: waits without an end, and objects without a use."""

from pathlib import Path

import pytest

from deploydb.configuration import load
from tests.configuration.given import config

SERVICE = "artifacts: [com.example:{0}]\npipelines: [{1}]\n"
TWO = {"services/foo.yml": SERVICE.format("foo", "main"), "services/bar.yml": SERVICE.format("bar", "main")}


def depends(service: str, environment: str) -> str:
    return f"type: DependsOnPromotion\nservice: {service}\nenvironment: {environment}\n"


def warnings(folder: Path, changes: dict[str, str]) -> list[str]:
    used = {"services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\npromotions: [smoke]\n"}
    loaded = load(config(folder, {**used, **changes}), warned=True)
    assert loaded.problems == ()
    return [str(warning).removeprefix(f"{folder}/config/") for warning in loaded.warnings]


def test_a_good_configuration_has_no_warning(tmp_path: Path) -> None:
    assert warnings(tmp_path, {}) == []


def test_a_service_without_modules_or_pipelines(tmp_path: Path) -> None:
    assert warnings(tmp_path, {"services/bar.yml": "description: later\nartifacts: []\n"}) == [
        "services/bar.yml:1:1: it takes no releases: it has no pipeline",
        "services/bar.yml:2:12: it takes no releases: it has no artifact, such as com.example:foo",
    ]


def test_a_circle_of_two_services_is_named_once(tmp_path: Path) -> None:
    found = warnings(
        tmp_path,
        {
            "services/foo.yml": SERVICE.format("foo", "foos"),
            "services/bar.yml": SERVICE.format("bar", "main") + "promotions: [foo-there, smoke]\n",
            "pipelines/foos.yml": "environments: {dev: {promotions: [bar-there]}, prod: }\n",
            "promotions/foo-there.yml": depends("foo", "prod"),
            "promotions/bar-there.yml": depends("bar", "dev"),
        },
    )
    assert found == [
        "promotions/foo-there.yml:2:10: never passes: a circle: bar in dev waits for foo in prod (foo-there); "
        "foo comes to prod after dev; foo in dev waits for bar in dev (bar-there)"
    ]


@pytest.mark.parametrize(
    ("where", "waits"),
    [
        ("dev", "foo comes to prod after staging; foo comes to staging after dev; foo in dev waits for foo in prod"),
        ("prod", "foo in prod waits for foo in prod"),
    ],
)
def test_a_service_that_waits_for_itself(tmp_path: Path, where: str, waits: str) -> None:
    """At the entry, or before it leaves an earlier environment."""
    found = warnings(
        tmp_path,
        {f"environments/{where}.yml": "entry: [itself]\n", "promotions/itself.yml": depends("foo", "prod")},
    )
    (warning,) = found
    assert warning.startswith("promotions/itself.yml:2:10: never passes: a circle: ")
    assert all(part in warning for part in waits.split("; "))


def test_a_service_that_waits_for_itself_in_an_earlier_environment_is_no_circle(tmp_path: Path) -> None:
    changes = {"environments/prod.yml": "entry: [itself]\n", "promotions/itself.yml": depends("foo", "dev")}
    assert warnings(tmp_path, changes) == []


def test_a_stage_with_another_way_in_is_in_no_circle(tmp_path: Path) -> None:
    pipeline = (
        "environments:\n  dev:\n  staging: {after: [], promotions: [later, soak]}\n"
        "  prod: {after: {any: [dev, staging]}}\n"
    )
    changes = {"pipelines/main.yml": pipeline, "promotions/later.yml": depends("foo", "prod")}
    assert warnings(tmp_path, changes) == []


def test_a_dependency_on_a_lane_without_a_pipeline(tmp_path: Path) -> None:
    found = warnings(
        tmp_path,
        {
            "services/bar.yml": SERVICE.format("bar", "other") + "promotions: [needs]\n",
            "pipelines/other.yml": "environments: {test: }\n",
            "environments/test.yml": "",
            "promotions/needs.yml": depends("foo", "test"),
        },
    )
    assert found == ["promotions/needs.yml:3:14: test is not a stage of foo: no release comes there by its pipelines"]


@pytest.mark.parametrize(
    ("promotion", "warning"),
    [
        ("approvals: 3\ngroups: [sre]\n", "2:12: never passes: it needs 3 approvals, and sre can give 2"),
        ("groups: [empty]\n", "2:9: never passes: it needs 1 approval, and empty can give 0"),
        (
            "approvals: 2\ngroups: [sre, empty]\ndistinct_groups: true\n",
            "2:12: never passes: it needs 2 approvals, and sre and empty can give 1 of distinct groups",
        ),
        ("approvals: 2\ngroups: [sre]\n", None),
        ("approvals: 99\n", None),
    ],
)
def test_approvals_that_the_groups_cannot_give(tmp_path: Path, promotion: str, warning: str | None) -> None:
    changes = {
        "access.yml": "groups: {sre: [sue, sam], empty: []}\n",
        "promotions/go.yml": f"type: ManualPromotion\n{promotion}",
        "environments/prod.yml": "entry: [go]\n",
    }
    assert warnings(tmp_path, changes) == ([f"promotions/go.yml:{warning}"] if warning is not None else [])


def test_what_nothing_refers_to(tmp_path: Path) -> None:
    found = warnings(
        tmp_path,
        {
            "pipelines/old.yml": "environments: {dev: {promotions: [go]}}\n",
            "promotions/go.yml": "type: ManualPromotion\n",
            "promotions/stray.yml": "type: ManualPromotion\n",
            "environments/nowhere.yml": "",
        },
    )
    assert found == [
        "environments/nowhere.yml:1:1: no pipeline has nowhere: it is without effect",
        "pipelines/old.yml:1:1: no service has old: it is without effect",
        "promotions/stray.yml:1:1: no service, stage or environment has stray: it is without effect",
    ]


def test_a_module_of_two_services_but_not_one_of_all_of_them(tmp_path: Path) -> None:
    shared = {
        "services/_defaults.yml": "artifacts: [com.example:agent]\npromotions: [smoke]\n",
        "services/bar.yml": SERVICE.format("foo", "main"),
    }
    assert warnings(tmp_path, shared) == [
        "services/bar.yml:1:13: com.example:foo is in foo too: each of its releases goes through all of them",
        "services/foo.yml:1:13: com.example:foo is in bar too: each of its releases goes through all of them",
    ]


def test_a_group_that_overrides_freezes_and_has_no_members(tmp_path: Path) -> None:
    found = warnings(tmp_path, {"access.yml": "groups: {sre: []}\noverride_freeze: [sre]\n"})
    assert found == ["access.yml:2:19: the group sre has no members: none of it can override"]


def test_a_process_that_shows_no_warnings_looks_for_none(tmp_path: Path) -> None:
    folder = config(tmp_path, {"access.yml": "groups: {sre: []}\noverride_freeze: [sre]\n"})
    assert load(folder).warnings == ()
    assert len(load(folder, warned=True).warnings) > 0
