"""Facts that a stranger could publish to break a reader: legal by their fields, hostile by what stands beside them."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from deploydb.domain.model.errors import MessageRejected
from deploydb.store.arrival import Arrival

SEED = 8
_ARTIFACT = {"group": "com.example", "name": "foo", "version": "1.0"}
_LANE = {"service": "foo", "environment": "prod", "version": "1.0"}
_FACTS: tuple[dict[str, Any], ...] = (
    {"type": "artifact.published", "artifact": _ARTIFACT},
    {"type": "deployment.started", **_LANE},
    {"type": "deployment.finished", **_LANE, "outcome": "succeeded"},
    {"type": "deployment.finished", "deployment": 1, "outcome": "failed", "reason": "no"},
    {"type": "deployment.observed", "service": "foo", "environment": "dev", "artifact": _ARTIFACT, "by": "eve"},
    {"type": "verification.finished", **_LANE, "promotion": "smoke", "outcome": "errored"},
    {"type": "approval.given", **_LANE, "promotion": "manual", "by": "eve"},
    {"type": "approval.given", **_LANE, "promotion": "freeze", "by": "eve", "comment": "x"},
    {"type": "approval.refused", "deployment": 2, "promotion": "manual", "by": "eve", "comment": "no"},
    {"type": "hold.placed", "kind": "freeze", "by": "eve", "reason": "x"},
    {"type": "hold.placed", "kind": "veto", "by": "eve", "service": "foo", "version": "6.6"},
    {"type": "hold.lifted", "kind": "pause", "by": "eve", "service": "foo"},
    {"type": "hotfix.declared", "service": "foo", "version": "1.1", "by": "eve", "reason": "x", "skip": ["dev"]},
    {
        "type": "promotion.requested",
        "service": "foo",
        "environment": "prod",
        "version": "1.1",
        "by": "eve",
        "reason": "x",
    },
    {"type": "retry.requested", "service": "foo", "environment": "prod", "version": "1.0", "by": "eve", "reason": "x"},
    {"type": "rollback.requested", "service": "foo", "environment": "prod", "by": "eve", "reason": "x"},
    {"type": "artifact.attested", "artifact": {**_ARTIFACT, "digest": "sha256:aa"}, "signer": "eve"},
    {"type": "incident.detected", "service": "foo", "environment": "prod", "incident": "i-1"},
    {"type": "incident.resolved", "service": "foo", "environment": "prod", "incident": "i-1"},
)
_FIELDS = (
    "since", "deployment", "version", "to", "by", "reason", "kind", "promotion", "verdict", "failure_response", "cause",
    "catalog", "inputs", "recheck_at", "command", "flow", "attempt", "who", "service", "environment", "artifact",
    "comment", "skip", "incident", "outcome", "number", "recorded_at", "body", "deployments", "until", "url", "digest",
    "time", "items", "$ref", 'a"b', "",
)  # fmt: skip
"""Those that DeployDB's own decisions have, those that other facts have, and some that nothing has."""
_VALUES: tuple[Any, ...] = (
    "soon", "x", "", "1", "-1", "1.5", 0, 1, -1, 1.5, -0.0, 1e308, 5e-324, 2**31, 3_000_000_000, 2**53 + 1, 2**63 - 1,
    2**63, 2**64, -(2**63) - 1, 10**400, True, False, None, [], {}, [[1]], {"a": {"b": 1}}, [None], {"version": 1},
    {"version": ["1.0"]}, {"name": {}}, "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-14:00", "2026-11-22T12:00:00",
    "<script>alert(1)</script>", "{{ 7*7 }}", "%s %(x)s {0}", "\u202eabc", "\x1b[2J", "\u2028", "\U0001f600",
    "a" * 5000, "' OR 1=1 --", "\\u0000", "١٢",
)  # fmt: skip
_SOURCES = ("eve", "DeployDB", "deploydb/verify", "deploydb ", "\u202edeploydb")
_TIMES = ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00+14:00", "1582-10-10T00:00:00Z")


def hostile_facts(number: int, now: datetime) -> Iterator[Arrival]:
    """So many facts that ingest takes, always the same ones."""
    random = Random(SEED)
    made = 0
    while made < number:
        fact = {**random.choice(_FACTS), "id": f"hostile-{made}", "source": random.choice(_SOURCES)}
        fact["time"] = (now - timedelta(seconds=random.randrange(80_000))).isoformat()
        if random.random() < 0.02:
            fact["time"] = random.choice(_TIMES)
        for _ in range(random.randrange(1, 5)):
            fact[random.choice(_FIELDS)] = random.choice(_VALUES)
        body = json.dumps(fact, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
        if random.random() < 0.1:  # of a key that is there twice the last one counts
            body = body[:-1] + b', "id": "%d", "since": {}, "deployment": 7}' % made
        try:
            yield Arrival.of(body, arrived_at=now)
        except MessageRejected:
            continue
        made += 1
