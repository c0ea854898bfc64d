"""Deployments that DeployDB did not command: seen running, or reported by a historical fact."""

from datetime import datetime
from typing import Any

from deploydb.domain.model.deployment import fact_order
from deploydb.domain.model.facts import DeploymentFinished, DeploymentObserved
from deploydb.domain.model.outcome_reasons import Observed

External = DeploymentObserved | DeploymentFinished


def external_fields(fact: External, known_at: datetime | None = None) -> dict[str, Any]:
    """The fields of the deployment that such a fact makes, beside its release."""
    by = fact.by if isinstance(fact, DeploymentObserved) else None
    observed = Observed(by=by, source=fact.source, text=fact.reason)
    failed = isinstance(fact, DeploymentFinished) and fact.outcome == "failed"
    return {
        "environment": fact.environment,
        "kind": "external",
        "trigger_reason": observed,
        "status_reason": observed,
        "finished": fact_order(fact),
        "finished_url": fact.url,
        "finished_known_at": known_at,
        "outcome": "failed" if failed else "succeeded",
        "failure": fact.reason if failed else None,
    }
