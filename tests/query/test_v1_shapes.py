"""The v1 interface's bodies, byte for byte: clients compare them whole."""

from datetime import timedelta

from deploydb.domain.gates.verification import VerificationPromotion
from deploydb.domain.model.catalog import After, Environment, Stage
from deploydb.domain.model.catalog import Service as ConfiguredService
from deploydb.domain.model.webhooks import DeploymentWebhooks, PromotionWebhooks, Webhooks
from tests.query.client import Service
from tests.scenario import Scenario, catalog

URL = "https://repo.example.com/foo-1.0.jar"
ARTIFACT = (
    '{"id":1,"group":"com.example","name":"foo","version":"1.0","sourceUrl":"https://repo.example.com/foo-1.0.jar",'
    '"createdAt":"2026-11-22T12:00:00.000Z"}'
)


def published(world: Scenario) -> None:
    world.publish("1.0", artifact={"url": URL})
    world.evaluate()


def deployment(ident: int, environment: str, status: str, result: str, url: str = "null") -> str:
    promotion = (
        f'{{"id":{ident},"promotion":"smoke","status":"{result}","infoUrl":{url},'
        '"createdAt":"2026-11-22T12:00:00.000Z"}'
    )
    return (
        f'{{"id":{ident},"artifact":{ARTIFACT},"environment":"{environment}","service":"foo","status":"{status}",'
        f'"promotions":[{promotion}],"createdAt":"2026-11-22T12:00:00.000Z"}}'
    )


def test_an_artifact(world: Scenario, service: Service) -> None:
    published(world)
    assert service.ask("/api/artifacts/1").text == ARTIFACT


def test_an_artifact_without_a_url_has_null(world: Scenario, service: Service) -> None:
    world.publish("1.0")
    assert service.get("/api/artifacts/1")["sourceUrl"] is None


def test_a_time_is_in_utc_with_milliseconds(world: Scenario, service: Service) -> None:
    world.now += timedelta(microseconds=53999)
    world.publish("1.0")
    assert service.get("/api/artifacts/1")["createdAt"] == "2026-11-22T12:00:00.053Z"


def test_the_versions_of_an_artifact_are_those_of_its_module_newest_first(world: Scenario, service: Service) -> None:
    published(world)
    world.now += timedelta(hours=1)
    world.publish("1.1")
    world.publish("7.0", name="other")
    assert [one["version"] for one in service.get("/api/artifacts/1/versions")] == ["1.1", "1.0"]
    assert [one["version"] for one in service.get("/api/artifacts/2/versions")] == ["1.1", "1.0"]
    assert [one["version"] for one in service.get("/api/artifacts/3/versions")] == ["7.0"]


def test_the_deployments_of_an_artifact_come_in_the_order_of_their_ids(world: Scenario, service: Service) -> None:
    published(world)
    answer = service.ask("/api/artifacts/1/deployments").text
    dev, prod = deployment(1, "dev", "CREATED", "NOT_STARTED"), deployment(2, "prod", "NOT_STARTED", "NOT_STARTED")
    assert answer == f"[{dev},{prod}]"


def test_an_artifact_that_was_never_deployed_has_no_deployments(world: Scenario, service: Service) -> None:
    world.publish("1.0", name="nobodys")
    world.evaluate()
    assert service.ask("/api/artifacts/1/deployments").text == "[]"


def test_the_artifacts_of_a_module_newest_published_first(world: Scenario, service: Service) -> None:
    for hours, version in ((2, "2.0"), (1, "1.0.1"), (3, "1.0.2")):
        world.publish(version, time=(world.now - timedelta(hours=hours)).isoformat())
    answer = service.get("/api/artifacts/by-module/com.example:foo")
    assert [one["version"] for one in answer] == ["1.0.1", "2.0", "1.0.2"]
    assert service.get("/api/artifacts/by-module/com.example:foo/latest")["version"] == "1.0.1"


def test_the_latest_artifact_is_one_that_was_published_not_one_that_was_seen_running(
    world: Scenario, service: Service
) -> None:
    published(world)
    world.now += timedelta(hours=1)
    seen = {"group": "com.example", "name": "foo", "version": "0.9"}
    world.tell("deployment.observed", service="foo", environment="dev", artifact=seen)
    assert service.ask("/api/artifacts/by-module/com.example:foo/latest").text == ARTIFACT
    versions = [one["version"] for one in service.get("/api/artifacts/by-module/com.example:foo")]
    assert versions == ["0.9", "1.0"]


def test_a_module_may_have_slashes_and_any_letters_in_its_name(world: Scenario, service: Service) -> None:
    world.publish("1.0", artifact={"group": "@größe", "name": "web/shop"})
    answer = service.get("/api/artifacts/by-module/%40gr%C3%B6%C3%9Fe%3Aweb%2Fshop/latest")
    assert (answer["group"], answer["name"]) == ("@größe", "web/shop")


def test_a_deployment_and_its_promotion_result_on_their_way(world: Scenario, service: Service) -> None:
    published(world)
    assert service.ask("/api/deployments/1").text == deployment(1, "dev", "CREATED", "NOT_STARTED")
    (command,) = world.commands()
    world.tell("deployment.started", command=command.id)
    assert service.ask("/api/deployments/1").text == deployment(1, "dev", "STARTED", "NOT_STARTED")
    world.tell("deployment.finished", command=command.id, outcome="succeeded")
    world.evaluate()
    assert service.ask("/api/deployments/1").text == deployment(1, "dev", "COMPLETED", "STARTED")
    world.tell("verification.finished", deployment=1, promotion="smoke", outcome="passed", url="https://ci/7")
    world.evaluate()
    assert service.ask("/api/deployments/1").text == deployment(1, "dev", "SUCCESS", "SUCCESS", '"https://ci/7"')
    (result,) = service.get("/api/deployments/1")["promotions"]
    assert service.get("/api/deployments/1/promotions/1") == result


def test_a_promotion_that_refuses_has_failed(world: Scenario, service: Service) -> None:
    published(world)
    world.deploy()
    world.tell("verification.finished", deployment=1, promotion="smoke", outcome="failed", url="https://ci/8")
    world.evaluate()
    assert service.ask("/api/deployments/1").text == deployment(1, "dev", "FAILED", "FAILED", '"https://ci/8"')


def test_a_promotion_whose_job_broke_is_still_under_way(world: Scenario, service: Service) -> None:
    published(world)
    world.deploy()
    world.tell("verification.finished", deployment=1, promotion="smoke", outcome="errored")
    world.evaluate()
    assert service.get("/api/deployments/1/promotions/1")["status"] == "STARTED"


def test_the_promotions_of_a_deployment_that_failed_were_never_started(world: Scenario, service: Service) -> None:
    published(world)
    world.deploy("failed")
    assert service.ask("/api/deployments/1").text == deployment(1, "dev", "FAILED", "NOT_STARTED")


def test_an_approval_before_the_deployment_does_not_start_its_promotion(world: Scenario, service: Service) -> None:
    published(world)
    world.tell("verification.finished", deployment=2, promotion="smoke", outcome="passed", url="https://ci/9")
    world.evaluate()
    result = service.get("/api/deployments/2/promotions/2")
    assert (result["status"], result["infoUrl"]) == ("NOT_STARTED", "https://ci/9")


def test_all_deployments_ascending_and_the_latest(world: Scenario, service: Service) -> None:
    published(world)
    world.publish("1.1")
    world.evaluate()
    assert [one["id"] for one in service.get("/api/deployments")] == [1, 2, 3, 4]
    assert service.get("/api/deployments/latest") == service.get("/api/deployments/4")


def test_a_deployment_without_a_command_is_one_too(world: Scenario, service: Service) -> None:
    seen = {"group": "com.example", "name": "foo", "version": "0.9"}
    world.tell("deployment.observed", service="foo", environment="dev", artifact=seen, by="bob")
    world.evaluate()
    (answer,) = service.get("/api/deployments")
    assert (answer["environment"], answer["status"], answer["promotions"]) == ("dev", "COMPLETED", [])


def test_a_flow(world: Scenario, service: Service) -> None:
    published(world)
    dev, prod = deployment(1, "dev", "CREATED", "NOT_STARTED"), deployment(2, "prod", "NOT_STARTED", "NOT_STARTED")
    assert service.ask("/api/flows/1").text == (
        f'{{"id":1,"artifact":{ARTIFACT},"deployments":[{dev},{prod}],"service":"foo",'
        '"createdAt":"2026-11-22T12:00:00.000Z"}'
    )


def test_services(embedded: Service) -> None:
    described = ConfiguredService(
        ident="faas",
        description="Fun as a Service",
        artifacts=("com.example:faas", "com.example.puppet:puppet-faas"),
        pipelines=("main",),
        promotions=("smoke",),
    )
    bare = ConfiguredService(ident="bare", artifacts=("com.example:bare",), pipelines=("main",))
    embedded.world.catalog = catalog(described, bare)
    faas = (
        '{"ident":"faas","description":"Fun as a Service",'
        '"artifacts":["com.example:faas","com.example.puppet:puppet-faas"],"pipelines":["main"],'
        '"promotions":["smoke"],"failure_strategy":"Stop"}'
    )
    other = (
        '{"ident":"bare","description":"","artifacts":["com.example:bare"],"pipelines":["main"],"promotions":[],'
        '"failure_strategy":"Stop"}'
    )
    assert embedded.ask("/api/services").text == f"[{other},{faas}]"
    assert embedded.ask("/api/services/faas").text == faas


def test_environments(embedded: Service) -> None:
    hook = "https://jenkins.example.com/created"
    embedded.world.catalog.environments["prod"] = Environment(
        ident="prod",
        description="What customers use",
        webhooks=Webhooks(
            deployment=DeploymentWebhooks(created=(hook,), failed=("https://example.com/not-of-v1",)),
            promotion=PromotionWebhooks(completed=()),
        ),
    )
    dev = (
        '{"ident":"dev","description":"","webhooks":{"deployment":'
        '{"created":null,"started":null,"completed":null,"verified":null},"promotion":null}}'
    )
    prod = (
        '{"ident":"prod","description":"What customers use","webhooks":{"deployment":'
        f'{{"created":["{hook}"],"started":null,"completed":null,"verified":null}},'
        '"promotion":{"completed":[]}}}'
    )
    assert embedded.ask("/api/environments").text == f"[{dev},{prod}]"
    assert embedded.ask("/api/environments/prod").text == prod


def test_pipelines_with_their_environments_in_order(embedded: Service) -> None:
    stages = (
        Stage(environment="dev"),
        Stage(environment="preprod", promotions=("soak", "manual"), after=After(environments=("dev",))),
        Stage(environment="asia", after=After(environments=("preprod",))),
    )
    embedded.world.catalog = catalog(stages=stages)
    main = (
        '{"ident":"main","description":"","environments":{"dev":{"promotions":[]},'
        '"preprod":{"promotions":["soak","manual"]},"asia":{"promotions":[]}}}'
    )
    assert embedded.ask("/api/pipelines").text == f"[{main}]"
    assert embedded.ask("/api/pipelines/main").text == main


def test_promotions(embedded: Service) -> None:
    jenkins = VerificationPromotion(ident="jenkins", type="JenkinsPromotion", description="Smoke test of the service")
    embedded.world.catalog = catalog(promotions=(jenkins,))
    answer = '{"ident":"jenkins","type":"JenkinsPromotion","description":"Smoke test of the service"}'
    assert embedded.ask("/api/promotions/jenkins").text == answer
    assert [one["ident"] for one in embedded.get("/api/promotions")] == ["jenkins", "manual", "smoke", "soak"]
