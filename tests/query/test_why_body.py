"""What the answer of why holds: the way there, stage by stage."""

from tests.query.client import Service
from tests.query.why_steps import smoke, to_staging
from tests.query.why_steps import world as world
from tests.scenario import Scenario


def test_the_body_has_the_way_there_with_every_gate(world: Scenario, service: Service) -> None:
    to_staging(world)
    smoke(world, 2)
    answer = service.get("/api/why/foo/prod")
    assert list(answer) == ["service", "environment", "version", "digest", "answer", "stages", "releasing"]
    assert answer["answer"] == (
        "1.4.0 is not in prod: in staging it soaks for 2h, until 2026-11-22 14:00:00 UTC (soak)"
    )
    dev, staging, prod = answer["stages"]
    (smoke_in_dev,) = dev.pop("gates")
    passed = {"code": "jobs_passed", "reports": [{"job": "smoke"}]}
    reason = {"code": "gates_passed", "params": {"reasons": [passed]}, "text": "smoke passed"}
    assert dev == {
        "environment": "dev",
        "after": [],
        "deployment": 1,
        "status": "SUCCESS",
        "since": "2026-11-22T12:00:00+00:00",
        "reason": reason,
    }
    (report,) = smoke_in_dev.pop("inputs")
    assert service.get("/api/events?type=verification.finished")["events"][-1]["number"] == report
    assert smoke_in_dev == {
        "promotion": "smoke",
        "type": "VerificationPromotion",
        "asksPeople": False,
        "verdict": "PASS",
        "reason": {"code": "jobs_passed", "params": {"reports": [{"job": "smoke"}]}, "text": "smoke passed"},
        "recheckAt": None,
        "decidedAt": "2026-11-22T12:00:00+00:00",
        "catalog": "test",
    }
    assert staging["status"] == "COMPLETED"
    assert [one["code"] for one in staging["reason"]["params"]["reasons"]] == ["soaking", "approval_deferred"]
    assert [(gate["promotion"], gate["verdict"], gate["recheckAt"]) for gate in staging["gates"]] == [
        ("smoke", "PASS", None),
        ("soak", "PENDING", "2026-11-22T14:00:00+00:00"),
        ("go", "PENDING", None),
    ]
    assert [gate.get("progress") for gate in staging["gates"]] == [
        None,
        {"kind": "soak", "begun": "2026-11-22T12:00:00+00:00", "until": "2026-11-22T14:00:00+00:00"},
        None,
    ]
    assert prod == {
        "environment": "prod",
        "after": ["staging"],
        "deployment": 3,
        "status": "NOT_STARTED",
        "since": None,
        "reason": {
            "code": "awaiting_stages",
            "params": {"environments": ["staging"], "all": True},
            "text": "waits for staging",
        },
        "gates": [
            {
                "promotion": "smoke",
                "type": "VerificationPromotion",
                "asksPeople": False,
                "verdict": "PENDING",
                "reason": {"code": "not_asked", "params": {}, "text": "not asked yet"},
                "recheckAt": None,
                "decidedAt": None,
                "inputs": [],
                "catalog": None,
            }
        ],
    }
