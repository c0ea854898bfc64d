"""The judge of a batch: the rights of a publisher are worked out once, by the names that environments have."""

import json
from unittest.mock import Mock

import pytest

from deploydb.domain.model import access
from deploydb.domain.model.access import Access, Grant
from deploydb.domain.model.environment_names import EnvironmentNames
from deploydb.store.arrival import Arrival
from tests.domain.given import deployment
from tests.scenario import NOON, catalog
from workers.fact_judge import judge_by

LIVE = EnvironmentNames(current={"prod": "live", "live": "live"}, number=1)
GATEWAY = Grant(vouches=True, sources=("*",))


def arrival(number: int, publisher: str) -> Arrival:
    fact = {"type": "deployment.started", "id": str(number), "source": "ci/7", "deployment": 1}
    return Arrival.of(json.dumps(fact).encode(), arrived_at=NOON, user="gateway-2", publisher=publisher)


def test_each_publisher_of_a_batch_is_compared_with_the_patterns_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = Mock(side_effect=access.matches_name)
    monkeypatch.setattr(access, "matches_name", compared)
    patterns = {f"team-{number}-*": (Grant(environments=("prod",)),) for number in range(500)}
    known = catalog(access=Access(publishers={"gateway-2": (GATEWAY,), **patterns, "team-499": (Grant(facts=()),)}))
    judge = judge_by(known, own="ingest")
    about = deployment(environment="prod")
    for number in range(100):
        assert judge(arrival(number, "team-499-ci"), about, EnvironmentNames()) is None
        assert judge(arrival(number, "team-499"), about, EnvironmentNames()) is not None
    assert compared.call_count == 3 * len(known.access.publishers or ())


def test_a_batch_is_judged_by_the_names_of_each_of_its_transactions() -> None:
    known = catalog(access=Access(publishers={"gateway-2": (GATEWAY,), "ci": (Grant(environments=("prod",)),)}))
    judge = judge_by(known, own="ingest")
    for names, name in ((EnvironmentNames(), "prod"), (LIVE, "live")):
        assert judge(arrival(1, "ci"), deployment(environment=name), names) is None
        assert judge(arrival(1, "ci"), deployment(environment="dev"), names) is not None
