"""The tables, and the constraints that carry the invariants.

`event` is the truth; every other table is what it adds up to.
"""

from deploydb.store.tables.base import metadata
from deploydb.store.tables.deployed import (
    STATUSES,
    agenda,
    approval,
    artifact,
    deployment,
    event,
    flow,
    mark,
    outbox,
    publication,
    running,
    unmatched,
    verdict,
    verification,
)
from deploydb.store.tables.ordered import attestation, hold, hotfix, incident, probe, wish

__all__ = [
    "STATUSES",
    "agenda",
    "approval",
    "artifact",
    "attestation",
    "deployment",
    "event",
    "flow",
    "hold",
    "hotfix",
    "incident",
    "mark",
    "metadata",
    "outbox",
    "probe",
    "publication",
    "running",
    "unmatched",
    "verdict",
    "verification",
    "wish",
]
