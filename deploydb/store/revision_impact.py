"""What each revision of the schema does to processes that run meanwhile.

Tests compare the tables with the locks that PostgreSQL takes, and `stops` with the difference between the schemas.
"""

from msgspec import Struct


class Impact(Struct, frozen=True, kw_only=True):
    """Of one revision, on tables that there were before, until the migration is committed.

    `locks`: tables that no other session can read or write; `blocks_writes`: tables that others can only read;
    `changes`: tables of which it changes rows. `stops`: why processes of earlier revisions cannot work with the schema
    any more, None where they can.
    """

    locks: tuple[str, ...] = ()
    blocks_writes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    stops: str | None = None


IMPACTS = {
    "0001": Impact(),
    "0002": Impact(locks=("event",)),
    "0003": Impact(locks=("incident",), blocks_writes=("event",), changes=("incident",)),
    "0004": Impact(),
    "0005": Impact(locks=("service_schedule",)),
    "0006": Impact(blocks_writes=("event",)),
    "0007": Impact(locks=("hold",), changes=("hold",), stops="holds have another key"),
    "0008": Impact(locks=("deployment",), blocks_writes=("event",)),
    "0009": Impact(locks=("artifact",)),
    "0010": Impact(locks=("verdict", "verification"), stops="verifications have further outcomes"),
    "0011": Impact(locks=("rollback_request",)),
    "0012": Impact(
        locks=("promotion_request", "unmatched_fact"), blocks_writes=("hold",), changes=("hold", "unmatched_fact")
    ),
    "0013": Impact(changes=("incident",)),
    "0014": Impact(locks=("verification",), changes=("verification",)),
    "0015": Impact(locks=("approval", "hold"), changes=("approval", "hold")),
    "0016": Impact(),
    "0017": Impact(locks=("artifact", "publication")),
    "0018": Impact(
        locks=("deployment", "live_interval"),
        changes=("deployment", "live_interval"),
        stops="the times at which a deployment was live have another key",
    ),
    "0019": Impact(locks=("revision",)),
    "0020": Impact(),
    "0021": Impact(blocks_writes=("event",)),
    "0022": Impact(locks=("approval",)),
    "0023": Impact(),
    "0024": Impact(locks=("artifact", "publication"), changes=("artifact", "publication")),
    "0025": Impact(locks=("catalog_listing",)),
    "0026": Impact(),
    "0027": Impact(locks=("event", "orchestrator_run", "outbox")),
    "0028": Impact(),
}
"""By revision, in their order. A new revision is added here, too."""
