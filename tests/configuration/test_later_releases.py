"""Files of later releases of v1 are read as they are."""

from pathlib import Path

from deploydb.configuration import load
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.v1_schema import Environment, Promotion
from tests.cluster import write_config
from tests.workers.in_process import CONFIG

FILES = {
    "environments/dev.yml": "webhook:\n  deployment:\n    created: ['http://ci/created']\n    failed: []\n"
    "webhooks:\n  deployment:\n    started: []\n    created: ['http://other/created']\n",
    "promotions/basic.yml": "type: deploydb.models.promotion.BasicPromotionImpl\ndescription: any\n",
    "promotions/people.yml": "type: deploydb.models.promotion.ManualLDAPPromotionImpl\n"
    "attributes:\n  allowedGroup: ops\n",
}


def test_they_are_read_and_shown_as_clients_expect(tmp_path: Path) -> None:
    write_config(tmp_path, FILES)
    loaded = load(tmp_path)
    assert loaded.catalog is not None, loaded.problems
    people = loaded.catalog.promotions["people"]
    assert isinstance(people, ManualPromotion)
    assert people.groups == ("ops",)
    shown = Promotion.of(people)
    assert (shown.type, shown.attributes) == ("ManualPromotion", {"allowedGroup": "ops"})
    basic = Promotion.of(loaded.catalog.promotions["basic"])
    assert (basic.type, basic.description, basic.attributes) == ("BasicPromotion", "any", None)
    hooks = Environment.of(loaded.catalog.environments["dev"]).webhooks
    assert hooks.deployment.created == ("http://other/created", "http://ci/created")
    assert (hooks.deployment.started, hooks.deployment.completed) == ((), None), "what is empty is configured"


def test_a_group_is_named_once(tmp_path: Path) -> None:
    people = "type: ManualPromotion\ngroups: [qa]\nattributes: {allowedGroup: ops}\n"
    write_config(tmp_path, {"promotions/people.yml": people, "access.yml": "groups:\n  qa: [alice]\n"})
    problems = [str(problem).partition(": ")[2] for problem in load(tmp_path).problems]
    assert problems == ["names a group beside groups: keep one of them"]


def test_a_list_with_nothing_in_it_is_empty(tmp_path: Path) -> None:
    service = "artifacts: [com.example:foo]\npipelines: [main]\npromotions:\n  # - smoke\n"
    write_config(tmp_path, {**CONFIG, "services/foo.yml": service})
    loaded = load(tmp_path)
    assert loaded.problems == ()
    assert loaded.catalog is not None
    assert loaded.catalog.services["foo"].promotions == ()
