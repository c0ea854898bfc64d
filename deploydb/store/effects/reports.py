"""The effect of publications, attestations, reports on deployments, and people's approvals."""

from datetime import datetime
from typing import get_args

import sqlalchemy as sa
from msgspec.structs import replace

from deploydb.domain.evaluation.decisions import Transition
from deploydb.domain.model.artifact import Artifact, contradicted
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.deployment import Deployment, fact_order
from deploydb.domain.model.evidence import Approval
from deploydb.domain.model.facts import (
    AboutApproval,
    AboutDeployment,
    ApprovalGiven,
    ArtifactAccepted,
    ArtifactAttested,
    ArtifactPublished,
    DeploymentFinished,
    DeploymentStarted,
    VerificationFinished,
)
from deploydb.domain.model.publications import REMEDY
from deploydb.engine.word_check import approval_obstacle, unknown_promotion, unlisted
from deploydb.store.deployment_resolver import locate
from deploydb.store.deployments import deployment_of
from deploydb.store.effects.orders import ENTERED, changed_since
from deploydb.store.effects.recorded import Outcome, Recorded, later_word
from deploydb.store.queries.artifacts import artifact_of_version
from deploydb.store.queries.deployments import deployment_by_id
from deploydb.store.queries.holds import holds_at
from deploydb.store.tables import unmatched_fact

_CHANGED = (*ENTERED, *(f"deployment.{what}" for what in get_args(Transition)), "failure.counted")
_LATER = "a later report stands"


def publication(connection: sa.Connection, catalog: Catalog, fact: ArtifactPublished) -> Outcome:
    """Whether the file is the one that is known by the version, and a service has it."""
    known = contradiction(connection, fact.artifact)
    if known is not None:
        return False, f"{known}. {REMEDY}"
    missing = unlisted(catalog, fact.artifact.module)
    return missing is None, missing


def contradiction(connection: sa.Connection, file: Artifact) -> str | None:
    """The digest or URL that a version is known with, where those of a file contradict it. Index:
    `uq_artifact_module_key_version`."""
    stored = artifact_of_version(connection, file.group, file.name, file.version)
    if stored is None:
        return None
    known = replace(file, digest=stored.digest, url=stored.url)
    field = contradicted(known, file)
    return f"{file.module}:{file.version} is known with {field} {getattr(known, field)}" if field is not None else None


def acceptance(connection: sa.Connection, fact: ArtifactAccepted) -> Outcome:
    """Whether the file is the version."""
    file = fact.artifact
    stored = artifact_of_version(connection, file.group, file.name, file.version)
    if stored is not None and stored.digest == file.digest:
        return True, None
    known = f"is known with {stored.digest or 'no digest'}" if stored is not None else "is not published"
    return False, f"{file.module} {file.version} {known}: accept the digest of a file that was published"


def attestation(connection: sa.Connection, fact: ArtifactAttested) -> Outcome:
    """Whether the digest is that of the version. One that is published later is waited for."""
    file = fact.artifact
    stored = artifact_of_version(connection, file.group, file.name, file.version)
    if stored is None:
        return True, f"{file.module} {file.version} is not published yet"
    if stored.digest != file.digest:
        return False, f"{file.module} {file.version} was published with {stored.digest or 'no digest'}"
    return True, None


def outcome(
    connection: sa.Connection, catalog: Catalog, recorded: Recorded, fact: AboutDeployment, now: datetime
) -> Outcome:
    """Whether a report or an approval is about a deployment, and is the latest there on its subject; of an approval
    also whether it is counted."""
    lost = sa.select(unmatched_fact.c.why).where(unmatched_fact.c.event == recorded.number)
    why = connection.execute(lost).scalar()
    if why is not None:
        return False, f"it matches nothing: {why}"
    ident = recorded.deployment_id or _matched(connection, fact)
    if ident is None:
        return True, None  # a historical end, which made a deployment of its own
    known = deployment_of(connection, ident)
    match fact:
        case DeploymentStarted():
            return (True, None) if known.started in (None, fact_order(fact)) else (False, _LATER)
        case DeploymentFinished():
            return (True, None) if known.finished in (None, fact_order(fact)) else (False, _LATER)
        case VerificationFinished():
            why = unknown_promotion(catalog, known.service, known.environment, fact.promotion)
            why = why or later_word(connection, recorded, deployment_id=known.id)
        case AboutApproval():
            why = later_word(connection, recorded, deployment_id=known.id)
            why = why or _approval_obstacle(connection, catalog, recorded, fact, known, now)
        case _:
            pass
    return why is None, why


def _matched(connection: sa.Connection, fact: AboutDeployment) -> int | None:
    """The deployment of a fact that had named a lane and a version, or a commit, before there was one."""
    found = locate(connection, [fact], lock=False).of(fact)
    return found.id if found is not None else None


def _approval_obstacle(
    connection: sa.Connection,
    catalog: Catalog,
    recorded: Recorded,
    fact: AboutApproval,
    known: Deployment,
    now: datetime,
) -> str | None:
    """Why the word does not count. A deployment that has changed since was open for it."""
    word = replace(Approval.of(fact), given=isinstance(fact, ApprovalGiven))
    changed = changed_since(connection, recorded.number, _CHANGED, known.service, environment=known.environment)
    view = deployment_by_id(connection, known.id)
    results = view.results if view is not None else ()
    answered = {one.promotion for one in results if recorded.number in one.inputs}
    errored = answered.union(view.errored if view is not None else ())
    holds = holds_at(connection, now, known.service)
    was_open = known.id in changed
    return approval_obstacle(catalog, known, word, holds, now, errored=errored, was_open=was_open)
