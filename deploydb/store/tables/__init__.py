"""The tables, and the constraints that carry the invariants.

`event` is the truth; every other table is what it adds up to.
"""

from deploydb.store.tables.base import metadata
from deploydb.store.tables.deployed import (
    ACTIVE,
    STATUSES,
    approval,
    artifact,
    deployment,
    event,
    flow,
    publication,
    running,
    tenure,
    verdict,
    verification,
)
from deploydb.store.tables.ordered import attestation, hold, hotfix, incident, probe, wish
from deploydb.store.tables.queued import agenda, listed, mark, outbox, reading, revision, unmatched

__all__ = [
    "ACTIVE",
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
    "listed",
    "mark",
    "metadata",
    "outbox",
    "probe",
    "publication",
    "reading",
    "revision",
    "running",
    "tenure",
    "unmatched",
    "verdict",
    "verification",
    "wish",
]
