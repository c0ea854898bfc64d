"""Promotion workers whose catalogs differ: what one of them does not know is not lost for the others."""

from pathlib import Path

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.store.tables import artifact, catalog_listing, evaluation_request, flow
from tests.cluster import write_config
from tests.workers.in_process import CONFIG, InProcess, Working, published, until

LATE = {"services/late.yml": "artifacts: [com.example:late]\npipelines: [main]\n"}


def flows(workshop: InProcess, service: str = "late") -> list[str]:
    """The versions that have a flow in the service."""
    named = sa.select(artifact.c.version).join(flow, flow.c.artifact_id == artifact.c.id)
    return sorted(row.version for row in workshop.rows(named.where(flow.c.service == service)))


def publish(workshop: InProcess, *versions: str) -> None:
    """Versions of the module `late`, taken note of by a worker that does not know a service of it."""
    workshop.publish(*(published(version, name="late") for version in versions))
    stored = sa.select(artifact).where(artifact.c.version.in_(versions))
    until(lambda: len(workshop.rows(stored)) == len(versions), "the artifacts are stored")
    until(lambda: not workshop.rows(sa.select(evaluation_request)), "they are evaluated")


def test_an_artifact_that_comes_before_its_services_file_opens_its_flow_with_it(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    publish(workshop, "1.0", "1.1", "1.2")
    assert workshop.rows(sa.select(catalog_listing).where(catalog_listing.c.service == "late")) == []
    write_config(workshop.config, LATE)
    until(lambda: flows(workshop), "a flow is opened")
    assert flows(workshop) == ["1.2"], "of what was before, the newest alone"
    publish(workshop, "1.3")
    assert flows(workshop) == ["1.2", "1.3"]


def test_a_module_that_is_added_to_a_service_opens_its_newest_release(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    publish(workshop, "1.0", "1.1")
    write_config(
        workshop.config,
        {"services/foo.yml": "artifacts: [com.example:foo, com.example:late]\npipelines: [main]\n"},
    )
    until(lambda: flows(workshop, "foo") == ["1.1"], "its newest release has a flow")


def test_what_a_worker_with_an_older_catalog_takes_is_opened_by_one_with_the_newer(
    workshop: InProcess, tmp_path: Path
) -> None:
    """Also after a restart: the newer one is not there while it happens."""
    newer = replace(workshop.settings, config=write_config(tmp_path / "newer", CONFIG | LATE))
    workshop.start("ingest")
    publish_with = Working("promote", newer)
    until(
        lambda: workshop.rows(sa.select(catalog_listing).where(catalog_listing.c.service == "late")),
        "it has taken its catalog",
    )
    publish_with.stop()
    workshop.start("promote")
    publish(workshop, "1.0", "1.1", "1.2")
    assert flows(workshop) == []
    again = Working("promote", newer)
    try:
        until(lambda: flows(workshop) == ["1.0", "1.1", "1.2"], "what was left unanswered is opened")
        unanswered = sa.select(catalog_listing).where(catalog_listing.c.unanswered_at.is_not(None))
        until(lambda: not workshop.rows(unanswered), "nothing is left unanswered")
    finally:
        again.stop()


def test_both_at_once_lose_nothing(workshop: InProcess, tmp_path: Path) -> None:
    newer = replace(workshop.settings, config=write_config(tmp_path / "newer", CONFIG | LATE))
    workshop.start("ingest", "promote")
    beside = Working("promote", newer)
    try:
        until(
            lambda: workshop.rows(sa.select(catalog_listing).where(catalog_listing.c.service == "late")),
            "it has taken its catalog",
        )
        versions = [f"1.{number}" for number in range(20)]
        for version in versions:
            workshop.publish(published(version, name="late"))
        until(lambda: flows(workshop) == sorted(versions), "each has its flow")
    finally:
        beside.stop()


def test_what_no_service_lists_leaves_nothing_behind(workshop: InProcess) -> None:
    workshop.start("ingest", "promote")
    publish(workshop, *(f"1.{number}" for number in range(50)))
    assert [row.service for row in workshop.rows(sa.select(catalog_listing))] == ["foo"]
