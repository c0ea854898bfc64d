"""The tables, and the constraints that carry the invariants.

`event` is the truth; every other table is what it adds up to.
"""

from deploydb.store.tables.base import metadata
from deploydb.store.tables.deployments import (
    ACTIVE,
    STATUSES,
    UNFINISHED,
    approval,
    artifact,
    deployment,
    event,
    flow,
    publication,
    verdict,
    verification,
)
from deploydb.store.tables.live import current_version, live_interval, live_status
from deploydb.store.tables.names import environment_name
from deploydb.store.tables.orchestrator_runs import orchestrator_run
from deploydb.store.tables.overrides import (
    attestation,
    external_check,
    hold,
    hotfix,
    incident,
    promotion_request,
    retry_request,
    rollback_request,
)
from deploydb.store.tables.webhooks import wanted_notification, webhook_delivery, webhook_endpoint
from deploydb.store.tables.work import (
    catalog_listing,
    command_queue,
    configuration_file,
    correlation,
    dead_letter_queue,
    evaluation_request,
    ingest_watermark,
    outbox,
    revision,
    schema_support,
    service_schedule,
    unmatched_fact,
)

__all__ = [
    "ACTIVE",
    "STATUSES",
    "UNFINISHED",
    "approval",
    "artifact",
    "attestation",
    "catalog_listing",
    "command_queue",
    "configuration_file",
    "correlation",
    "current_version",
    "dead_letter_queue",
    "deployment",
    "environment_name",
    "evaluation_request",
    "event",
    "external_check",
    "flow",
    "hold",
    "hotfix",
    "incident",
    "ingest_watermark",
    "live_interval",
    "live_status",
    "metadata",
    "orchestrator_run",
    "outbox",
    "promotion_request",
    "publication",
    "retry_request",
    "revision",
    "rollback_request",
    "schema_support",
    "service_schedule",
    "unmatched_fact",
    "verdict",
    "verification",
    "wanted_notification",
    "webhook_delivery",
    "webhook_endpoint",
]
