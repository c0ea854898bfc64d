"""The tables of a store beside the fold of its log, row by row and column by column."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.evidence import Approval, Attestation, Incident, Verification
from deploydb.domain.model.overrides import Hotfix, PromotionRequest, RetryRequest, RollbackRequest
from deploydb.domain.model.publications import Publication, standing
from deploydb.engine.log_fold import Interval, LogFold, LogRow
from deploydb.store import tables
from deploydb.store.deployments import decided, from_row, reported, selected
from deploydb.store.engine import reading
from deploydb.store.journal import fact_text, is_own
from deploydb.store.projections.latest import value_of
from deploydb.store.projections.overrides import hold_from_row

Table = dict[Any, Any]
_COPIED = ("url", "digest", "commit", "purl")


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


def _rows(connection: sa.Connection, table: sa.Table) -> list[Any]:
    return list(connection.execute(sa.select(table)))


def _deployments(connection: sa.Connection) -> Table:
    return {row.id: dict(row._mapping) for row in _rows(connection, tables.deployment)}


def _deployments_of(fold: LogFold) -> Table:
    return {
        id_: {
            **_identity(deployment),
            **reported(deployment),
            **decided(deployment),
            "stage_index": fold.places[id_],
            "created_at": fold.deployments[id_].created_at,
            "decided_at": fold.deployments[id_].decided_at,
        }
        for ledger in fold.ledgers.values()
        for id_, deployment in ledger.deployments.items()
    }


def _identity(deployment: Deployment) -> dict[str, Any]:
    return {
        "flow_id": deployment.flow,
        "service": deployment.service,
        "environment": deployment.environment,
        "artifact_id": deployment.release.id,
        "version": deployment.release.artifact.version,
        "kind": deployment.kind,
        "attempt": deployment.attempt,
        "cause_id": deployment.cause,
        "not_before": deployment.not_before,
        "ordered": deployment.ordered,
    }


def _releases(connection: sa.Connection) -> Table:
    return {row.id: from_row(row).release for row in connection.execute(selected())}


def _releases_of(fold: LogFold) -> Table:
    return {id_: one.release for ledger in fold.ledgers.values() for id_, one in ledger.deployments.items()}


def _artifacts(connection: sa.Connection) -> Table:
    dropped = ("id", "module_key")
    return {
        (row.group, row.name, row.version): {k: v for k, v in row._mapping.items() if k not in dropped}
        for row in _rows(connection, tables.artifact)
    }


def _artifacts_of(fold: LogFold) -> Table:
    found = {}
    for key, publications in fold.releases.publications.items():
        settled = standing(publications)
        found[key] = {
            **dict(zip(("group", "name", "version"), key, strict=True)),
            **_published(settled.earliest),
            "observed": settled.earliest.observed,
            "historical": settled.historical,
            "conflict": settled.conflict,
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
        (*key, one.at.source, one.at.id): _published(one)
        for key, publications in fold.releases.publications.items()
        for one in standing(publications).later
    }


def _flows(connection: sa.Connection) -> Table:
    return {row.id: tuple(row[1:]) for row in _rows(connection, tables.flow)}


def _verdicts(connection: sa.Connection) -> Table:
    return {
        (row.deployment_id, row.promotion, row.phase): (
            row.outcome,
            row.reason,
            row.recheck_at,
            tuple(row.inputs or ()),
            row.decided_at,
            row.created_at,
        )
        for row in _rows(connection, tables.verdict)
    }


def _verdicts_of(fold: LogFold) -> Table:
    found = {}
    for (id_, promotion, phase), times in fold.verdicts.items():
        ledger = fold.ledgers[fold.deployment(id_).service]
        verdict = ledger.verdicts(id_).get((phase, promotion))
        judged = (
            (verdict.outcome, verdict.reason, verdict.recheck_at, verdict.inputs) if verdict else (None, None, None, ())
        )
        found[id_, promotion, phase] = (*judged, times.decided_at, times.created_at)
    return found


def _running(connection: sa.Connection) -> Table:
    return {
        (row.service, row.environment, row.module): tuple(row[4:]) for row in _rows(connection, tables.current_version)
    }


def _running_of(fold: LogFold) -> Table:
    found = {}
    for service, ledger in fold.ledgers.items():
        for (environment, module), ran in ledger.running.items():
            interval = fold.intervals[ran.deployment]
            lane = [
                (one.live_at, one.release.published_at, id_, one.release)
                for id_, one in fold.intervals.items()
                if _lane(fold, id_) == (service, environment, module)
            ]
            now = (ran.live_at, interval.release.published_at, ran.deployment)
            before = [one for one in lane if one[:3] < now and one[3].id != ran.release.id]
            last = max(before, key=lambda one: one[:3], default=None)
            found[service, environment, module] = (
                ran.deployment,
                ran.release.id,
                ran.release.artifact.version,
                interval.release.published_at,
                ran.live_at,
                last[3].artifact.version if last else None,
                last[0] if last else None,
            )
    return found


def _lane(fold: LogFold, id_: int) -> tuple[str, str, str]:
    deployment = fold.deployment(id_)
    return deployment.service, deployment.environment, deployment.release.artifact.module


def _intervals(connection: sa.Connection) -> Table:
    return {row.deployment_id: tuple(row[1:]) for row in _rows(connection, tables.live_interval)}


def _intervals_of(fold: LogFold) -> Table:
    def row(id_: int, interval: Interval) -> tuple[Any, ...]:
        deployment, file = fold.deployment(id_), interval.release.artifact
        place = (deployment.service, deployment.environment, module_key(file.group, file.name), interval.release.id)
        times = (interval.release.published_at, interval.live_at, interval.known_at)
        return (*place, *times, interval.result, interval.result_at)

    return {id_: row(id_, interval) for id_, interval in fold.intervals.items()}


def _values(kind: type[Struct], table: sa.Table, *key: str) -> Any:
    def stored(connection: sa.Connection) -> Table:
        rows = _rows(connection, table)
        return {tuple(row._mapping[name] for name in key): value_of(kind, row) for row in rows}

    return stored


def _holds(connection: sa.Connection) -> Table:
    return {hold.key: hold for hold in map(hold_from_row, _rows(connection, tables.hold))}


def _hotfixes(connection: sa.Connection) -> Table:
    return {
        (row.service, row.version): value_of(Hotfix, row, skip=tuple(row.skip))
        for row in _rows(connection, tables.hotfix)
    }


def _promotions(connection: sa.Connection) -> Table:
    return {
        (row.service, row.environment, row.version): value_of(PromotionRequest, row, skip=tuple(row.skip))
        for row in _rows(connection, tables.promotion_request)
    }


def _wishes(connection: sa.Connection) -> Table:
    return {
        row.event: (row.service, value_of(RollbackRequest, row), row.answer, row.answered_at)
        for row in _rows(connection, tables.rollback_request)
    }


def _retries(connection: sa.Connection) -> Table:
    return {
        row.event: (row.service, value_of(RetryRequest, row, skip=tuple(row.skip)), row.answer, row.answered_at)
        for row in _rows(connection, tables.retry_request)
    }


def _unmatched(connection: sa.Connection) -> set[int]:
    return {row.event for row in _rows(connection, tables.unmatched_fact)}


def _checks(connection: sa.Connection) -> Table:
    rows = _rows(connection, tables.external_check)
    return {(row.deployment_id, row.promotion, row.phase): row.created_at for row in rows}


_TABLES: Mapping[str, tuple[Any, Any]] = {
    "artifact": (_artifacts, _artifacts_of),
    "publication": (_publications, _publications_of),
    "flow": (_flows, lambda fold: fold.flows),
    "deployment": (_deployments, _deployments_of),
    "releases of deployments": (_releases, _releases_of),
    "verification": (
        _values(Verification, tables.verification, "deployment_id", "promotion"),
        lambda fold: {
            (id_, one.promotion): one
            for ledger in fold.ledgers.values()
            for id_, reports in ledger.statements.reports.items()
            for one in reports.values()
        },
    ),
    "approval": (
        _values(Approval, tables.approval, "deployment_id", "promotion", "by"),
        lambda fold: {
            (id_, one.promotion, one.by): one
            for ledger in fold.ledgers.values()
            for id_, words in ledger.statements.words.items()
            for one in words.values()
        },
    ),
    "verdict": (_verdicts, _verdicts_of),
    "current_version": (_running, _running_of),
    "live_interval": (_intervals, _intervals_of),
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
        _values(Incident, tables.incident, "service", "environment", "name"),
        lambda fold: {
            (service, *key): one
            for service, ledger in fold.ledgers.items()
            for key, one in ledger.statements.incidents.items()
        },
    ),
    "attestation": (
        _values(Attestation, tables.attestation, "module_key", "version", "digest", "signer", "kind"),
        lambda fold: {(module_key(*key[:2]), *key[2:]): one for key, one in fold.attestations.items()},
    ),
    "unmatched_fact": (
        lambda connection: dict.fromkeys(_unmatched(connection), True),
        lambda fold: dict.fromkeys(fold.unmatched, True),
    ),
    "external_check": (_checks, lambda fold: fold.checks),
}
