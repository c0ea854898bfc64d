"""What a publisher may say, by access.yml, where catalogs change around it."""

import pytest
from msgspec.structs import replace

from deploydb.domain.access import refusal
from deploydb.domain.model.access import Access, Grant, sends_for_others
from deploydb.domain.model.catalog import Incomplete, Service
from deploydb.domain.model.environment_names import EnvironmentNames, under
from deploydb.domain.model.facts import ArtifactPublished, DeploymentStarted
from tests.domain.given import artifact, deployment
from tests.scenario import catalog


@pytest.mark.parametrize(
    ("grant", "names"),
    [
        (Grant(vouches=True), False),
        (Grant(sources=("gateway/*",)), False),
        (Grant(vouches=True, sources=("cli/*",)), False),
        (Grant(vouches=True, sources=("gateway/*", "hooks/*")), True),
    ],
)
def test_only_who_stands_in_for_the_gateway_names_another_publisher(grant: Grant, names: bool) -> None:
    access = Access(publishers={"release-bot": (grant,)})
    assert sends_for_others(access, "release-bot", own="ingest") == names
    assert sends_for_others(access, "gateway", own="ingest")


def test_a_service_that_lacks_a_file_has_its_modules() -> None:
    known = catalog(access=Access(publishers={}))
    modules = ("com.example:bar", "com.example:foo")
    known.incomplete["bar"] = Incomplete(service=Service(ident="bar", artifacts=modules), lacks=("environment qa",))

    def is_refused(module: str, *services: str) -> bool:
        fact = ArtifactPublished(id="1", source="ci", artifact=artifact(module=module))
        return refusal(known, [("ci", (Grant(services=services),))], fact) is not None

    assert not is_refused("com.example:bar", "bar")
    assert is_refused("com.example:foo", "foo")
    assert not is_refused("com.example:foo", "foo", "bar")


def test_an_environment_is_granted_by_its_new_name_before_it_is_renamed_and_by_its_old_one_afterwards() -> None:
    started = DeploymentStarted(id="1", source="ci", deployment=1)
    known = catalog(access=Access(publishers={"ci": (Grant(environments=("production",)),)}))
    prod = known.environments.pop("prod")
    known.environments["production"] = replace(prod, ident="production", renamed_from=("prod",))
    grants = known.access.granted("ci")
    assert refusal(known, [("ci", grants)], started, deployment(environment="prod")) is None
    assert refusal(known, [("ci", grants)], started, deployment(environment="dev")) is not None
    for pattern in ("prod", "pro*"):
        before = catalog(access=Access(publishers={"ci": (Grant(environments=(pattern,)),)}))
        after = under(before, EnvironmentNames(current={"prod": "live", "live": "live"}, number=1))
        assert refusal(after, [("ci", after.access.granted("ci"))], started, deployment(environment="live")) is None
