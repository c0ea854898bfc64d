"""Whatever the interface's document allows, and what it does not, is answered as the document says."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case

from deploydb.query.app import interface
from tests.query.client import Service
from tests.scenario import Scenario

_DOCUMENT = interface()
del _DOCUMENT["paths"]["/api/stream"]  # it has no end: tests/query/test_stream.py
for methods in _DOCUMENT["paths"].values():
    for gateways in methods.keys() & {"post", "patch", "put", "delete"}:  # it serves those
        del methods[gateways]
schema = schemathesis.openapi.from_dict(_DOCUMENT)


@pytest.fixture(scope="module")
def filled(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two releases under way: most ids from 1 to 4 exist."""
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("filled") / "deploydb.db")
    with Scenario(f"sqlite:///{path}") as world:
        for version in ("1.0", "1.1"):
            world.publish(version)
            world.evaluate()
            world.deploy()
        with Service(world) as service:
            yield service


@schema.parametrize()
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_every_check_holds(case: Case, filled: Service) -> None:
    case.call_and_validate(app=filled.app)
