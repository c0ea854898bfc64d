"""access.yml: publishers and the rights of groups."""

from pathlib import Path

import pytest

from deploydb.configuration import load
from deploydb.domain.gates.manual import ManualPromotion
from deploydb.domain.model.access import Access, Grant
from tests.configuration.given import config, problems_of

GROUPS = "groups: {sre: [sue], qa: [quinn]}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("publishers: {ci: {facts: [artifact.publishd]}}", "1:27: there is no type of fact artifact.publishd; did you"),
        ("publishers: {ci: {services: [fo]}}", "1:30: there is no service fo; did you mean foo?"),
        ("publishers: {ci: {environments: [stagin]}}", "1:34: there is no environment stagin; did you mean staging?"),
        ("publishers: {ci: {promotions: [smok]}}", "1:32: there is no promotion smok; did you mean smoke?"),
        ("publishers: {ci: [{}, {services: [fo]}]}", "1:35: there is no service fo; did you mean foo?"),
        ("publishers: {ci: {sauces: [a]}}", "1:19: there is no key sauces here; did you mean sources?"),
        ("publishers: {ci: all}", "1:18: expected keys and values, found the text all"),
        ("publishers: {v1@10.0.0.0/99: {}}", "1:14: v1@10.0.0.0/99 is no network: write v1@10.0.0.0/8"),
        ("publishers: {ci: {}, ｃｉ: {}}", "1:22: ci has an entry already, in other characters: keep one"),
        (f"{GROUPS}veto: [sri]", "2:8: there is no group sri; did you mean sre?"),
        (f"{GROUPS}approve: [sri]", "2:11: there is no group sri; did you mean sre?"),
        (f"{GROUPS}freeze: [sri]", "2:10: there is no group sri; did you mean sre?"),
        (f"{GROUPS}override: [sri]", "2:12: there is no group sri; did you mean sre?"),
    ],
)
def test_a_name_that_does_not_exist_is_a_problem_with_the_nearest_one(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = problems_of(config(tmp_path, {"access.yml": text}))
    assert found.startswith(f"config/access.yml:{problem}")


def test_a_pattern_that_matches_nothing_is_a_warning(tmp_path: Path) -> None:
    text = "publishers:\n  ci: {services: ['bar-*', 'f*'], facts: ['*']}\n"
    (warning,) = load(config(tmp_path, {"access.yml": text}), warned=True).warnings
    assert (warning.line, warning.message) == (2, "bar-* matches none of the services that there are")


def test_grants_are_read_and_the_digest_tells_them_apart(tmp_path: Path) -> None:
    text = "publishers:\n  ci-*: {facts: [artifact.*]}\n  bot:\n    - vouches: true\n    - sources: [deployer/*]\n"
    before, catalog = (load(config(tmp_path, files)).catalog for files in ({}, {"access.yml": text}))
    assert before is not None
    assert catalog is not None
    assert before.access == Access()
    assert catalog.access.publishers == {
        "ci-*": (Grant(facts=("artifact.*",)),),
        "bot": (Grant(vouches=True), Grant(sources=("deployer/*",))),
    }
    assert before.digest != catalog.digest


def test_no_entry_is_not_the_same_as_no_publishers(tmp_path: Path) -> None:
    catalog = load(config(tmp_path, {"access.yml": "publishers: {}\n"})).catalog
    assert catalog is not None
    assert catalog.access.publishers == {}


def test_rights_of_groups_have_one_place_each(tmp_path: Path) -> None:
    rights = "approve: [qa]\noverride_freeze: [sre]\noverride: [qa, sre]\nveto: [sre]\nfreeze: [qa]\n"
    files = {
        "access.yml": GROUPS + rights,
        "promotions/go.yml": "type: ManualPromotion\n",
        "promotions/release.yml": "type: ManualPromotion\ngroups: [sre]\n",
    }
    catalog = load(config(tmp_path, files)).catalog
    assert catalog is not None
    groups = [one.groups for one in catalog.promotions.values() if isinstance(one, ManualPromotion)]
    assert groups == [("qa",), ("sre",)]
    assert catalog.freeze_overriders == ("sre", "qa")
    assert (catalog.access.veto, catalog.access.freeze) == (("sre",), ("qa",))
