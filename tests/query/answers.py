"""What each answer says of a version in an environment."""

from typing import Any

from deploydb.store.tables import deployment
from tests.query.client import Service

Answers = dict[str, dict[str, Any]]
"""By answer: what it has of the version there, with the number of the deployment."""


def lane(service: Service, environment: str) -> dict[str, Any]:
    """The cell of foo in the matrix."""
    (found,) = service.get(f"/api/status?service=foo&environment={environment}")["lanes"]
    return dict(found)


def verdicts(service: Service, environment: str, version: str) -> dict[str, str | None]:
    """By answer. `status` and `flow` where they list the deployment: a cell has the newest of those not begun, a flow
    no rollback."""
    return {name: verdict(body) for name, body in answers(service, environment, version).items()}


def answers(service: Service, environment: str, version: str) -> Answers:
    """Of each answer what it has of the version there; of `status` and `flow` what they have of that deployment."""
    (where,) = service.get(f"/api/where/com.example:foo:{version}")["artifacts"]
    found = {
        "why": service.get(f"/api/why/foo/{environment}?version={version}")["stages"][-1],
        "where": _in(environment, where["places"]),
        "plan": _in(environment, service.get(f"/api/plan/foo?version={version}")["stages"]),
    }
    ident, cell = found["why"]["deployment"], lane(service, environment)
    listed = {
        "flow": [one["stage"] for one in _attempts(service, version)],
        "status": [
            *cell["pending"],
            *cell["running"],
            *({**one, "status": "FAILED"} for one in cell.get("failed", ())),  # as the name of the list says
        ],
    }
    of_it = {name: [one for one in bodies if one["deployment"] == ident] for name, bodies in listed.items()}
    return found | {name: bodies[0] for name, bodies in of_it.items() if bodies}


def verdict(body: dict[str, Any]) -> str | None:
    """A cell has failures, and what runs, without an outlook."""
    if "outlook" in body:
        return str(body["outlook"]["verdict"])
    return "failed" if body.get("status") == "FAILED" else None


def _in(environment: str, bodies: list[dict[str, Any]]) -> dict[str, Any]:
    return next(one for one in bodies if one["environment"] == environment)


def _attempts(service: Service, version: str) -> list[dict[str, Any]]:
    rows = service.world.rows(deployment)
    (flow,) = {row.flow_id for row in rows if row.version == version and row.flow_id is not None}
    return list(service.get(f"/flows/{flow}.json")["attempts"])
