"""The tables of a store beside the fold of its log, row by row and column by column."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.evidence import Approval, Attestation, Incident, Verification
from deploydb.domain.model.overrides import Hotfix, PromotionRequest, RetryRequest, RollbackRequest
from deploydb.domain.model.publications import Publication, standing
from deploydb.engine.log_fold import LogFold, LogRow
from deploydb.store import tables
from deploydb.store.engine import reading
from deploydb.store.journal import fact_text, is_own
from deploydb.store.projections.latest import value_of
from deploydb.store.projections.overrides import hold_from_row
from tests.contract.deployment_rows import DEPLOYMENTS
from tests.contract.table_rows import Table, rows, values

_COPIED = ("url", "digest", "commit", "purl", "author", "triggered_by")


def folded(engine: sa.Engine) -> LogFold:
    """The fold of the whole log."""
    log = tables.event
    statement = sa.select(
        *(log.c[name] for name in ("number", "type", "time", "recorded_at", "publisher", "deployment_id")),
        is_own().label("own"),
        fact_text(),
    )
    fold = LogFold()
    with reading(engine) as connection:
        rows = connection.execute(statement.order_by(log.c.number)).all()
    for row in rows:
        fold.take(LogRow(**{**row._mapping, "own": bool(row.own), "body": row.body.encode()}))
    return fold


def differences(engine: sa.Engine) -> dict[str, list[tuple[Any, Any, Any]]]:
    """By table, the keys whose rows differ, with the row of the table and that of the fold."""
    fold = folded(engine)
    with reading(engine) as connection:
        found = {name: (stored(connection), of_log(fold)) for name, (stored, of_log) in _TABLES.items()}
    return {
        name: [
            (key, ours.get(key), log.get(key))
            for key in sorted({*ours, *log}, key=str)
            if ours.get(key) != log.get(key)
        ]
        for name, (ours, log) in found.items()
        if ours != log
    }


def _artifacts(connection: sa.Connection) -> Table:
    dropped = ("id", "module_key")
    return {
        (row.group, row.name, row.version): {k: v for k, v in row._mapping.items() if k not in dropped}
        for row in rows(connection, tables.artifact)
    }


def _artifacts_of(fold: LogFold) -> Table:
    found = {}
    for key, publications in fold.releases.publications.items():
        settled = standing(publications)
        found[key] = {
            **dict(zip(("group", "name", "version"), key, strict=True)),
            **_published(settled.first),
            "observed": settled.first.observed,
            "historical": settled.historical,
            "conflict": settled.conflict,
            "accepted": settled.accepted,
            "created_at": fold.published[key],
        }
    return found


def _published(publication: Publication) -> dict[str, Any]:
    return {
        **{name: getattr(publication.artifact, name) for name in _COPIED},
        "published_at": publication.at.time,
        "published_by": publication.by,
        "source": publication.at.source,
        "event_id": publication.at.id,
    }


def _publications(connection: sa.Connection) -> Table:
    artifact, publication = tables.artifact, tables.publication
    statement = sa.select(publication, artifact.c.group, artifact.c.name, artifact.c.version).join(artifact)
    dropped = ("artifact_id", "group", "name", "version")
    return {
        (row.group, row.name, row.version, row.source, row.event_id): {
            k: v for k, v in row._mapping.items() if k not in dropped
        }
        for row in connection.execute(statement)
    }


def _publications_of(fold: LogFold) -> Table:
    return {
        (*key, *one.fact): _published(one) | {"settled": one.fact in settled.settled}
        for key, words in fold.releases.publications.items()
        for settled in [standing(words)]
        for one in settled.later
    }


def _holds(connection: sa.Connection) -> Table:
    return {hold.key: hold for hold in map(hold_from_row, rows(connection, tables.hold))}


def _hotfixes(connection: sa.Connection) -> Table:
    return {
        (row.service, row.version): value_of(Hotfix, row, skip=tuple(row.skip))
        for row in rows(connection, tables.hotfix)
    }


def _promotions(connection: sa.Connection) -> Table:
    return {
        (row.service, row.environment, row.version): value_of(PromotionRequest, row, skip=tuple(row.skip))
        for row in _with_log_rows(connection, tables.promotion_request)
    }


def _wishes(connection: sa.Connection) -> Table:
    return {
        row.event: (row.service, value_of(RollbackRequest, row), row.answer, row.answered_at)
        for row in _with_log_rows(connection, tables.rollback_request)
    }


def _with_log_rows(connection: sa.Connection, table: sa.Table) -> Iterator[sa.Row[Any]]:
    """Its rows, with the time at which they were recorded."""
    log = tables.event
    yield from connection.execute(sa.select(table, log.c.recorded_at).join(log, log.c.number == table.c.event))


def _retries(connection: sa.Connection) -> Table:
    return {
        row.event: (row.service, value_of(RetryRequest, row, skip=tuple(row.skip)), row.answer, row.answered_at)
        for row in rows(connection, tables.retry_request)
    }


def _unmatched(connection: sa.Connection) -> set[int]:
    return {row.event for row in rows(connection, tables.unmatched_fact)}


def _checks(connection: sa.Connection) -> Table:
    checks = rows(connection, tables.external_check)
    return {(row.deployment_id, row.promotion, row.phase): row.created_at for row in checks}


_TABLES: Mapping[str, tuple[Any, Any]] = {
    "artifact": (_artifacts, _artifacts_of),
    "publication": (_publications, _publications_of),
    **DEPLOYMENTS,
    "verification": (
        values(Verification, tables.verification, "deployment_id", "promotion"),
        lambda fold: {
            (id_, one.promotion): one
            for ledger in fold.ledgers.values()
            for id_, reports in ledger.statements.reports.items()
            for one in reports.values()
        },
    ),
    "approval": (
        values(Approval, tables.approval, "deployment_id", "promotion", "by"),
        lambda fold: {
            (id_, one.promotion, one.by): one
            for ledger in fold.ledgers.values()
            for id_, words in ledger.statements.words.items()
            for one in words.values()
        },
    ),
    "hold": (_holds, lambda fold: fold.holds),
    "hotfix": (
        _hotfixes,
        lambda fold: {
            (service, v): one for service, ledger in fold.ledgers.items() for v, one in ledger.hotfixes.items()
        },
    ),
    "promotion_request": (
        _promotions,
        lambda fold: {
            (service, *lane): one
            for service, ledger in fold.ledgers.items()
            for lane, one in ledger.promotion_requests.items()
        },
    ),
    "rollback_request": (
        _wishes,
        lambda fold: {
            n: (service, one, *fold.answers.get(n, (None, None))) for n, (service, one) in fold.wishes.items()
        },
    ),
    "retry_request": (
        _retries,
        lambda fold: {
            n: (service, one, *fold.answers.get(n, (None, None))) for n, (service, one) in fold.retries.items()
        },
    ),
    "incident": (
        values(Incident, tables.incident, "service", "environment", "name"),
        lambda fold: {
            (service, *key): one
            for service, ledger in fold.ledgers.items()
            for key, one in ledger.statements.incidents.items()
        },
    ),
    "attestation": (
        values(Attestation, tables.attestation, "module_key", "version", "digest", "signer", "kind"),
        lambda fold: {(module_key(*key[:2]), *key[2:]): one for key, one in fold.attestations.items()},
    ),
    "unmatched_fact": (
        lambda connection: dict.fromkeys(_unmatched(connection), True),
        lambda fold: dict.fromkeys(fold.unmatched, True),
    ),
    "external_check": (_checks, lambda fold: fold.checks),
}
