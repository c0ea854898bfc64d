"""The JSON Schema that editors are given."""

import json
import re
from typing import Any

import pytest

from deploydb.configuration import KINDS, json_schema
from docs.hooks.reference import promotions
from tests.cluster import ROOT

DEFINITIONS: dict[str, Any] = json_schema()["$defs"]


def test_it_has_a_definition_for_each_kind_of_file_and_is_json() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    kinds = ["services", "services-defaults", "pipelines", "environments", "promotions", "webhook", "hooks"]
    kinds += ["orchestrators", "access"]
    assert [each["$ref"] for each in schema["anyOf"]] == [f"#/$defs/{kind}" for kind in kinds]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_a_schema_of_its_own(kind: str) -> None:
    schema = json_schema(kind)
    assert schema["anyOf"] == [{"$ref": f"#/$defs/{kind}"}]
    assert schema["$defs"] == DEFINITIONS


def test_every_reference_leads_somewhere() -> None:
    references = re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(json_schema()))
    assert set(references) <= DEFINITIONS.keys()


def test_every_key_is_described_and_no_other_key_is_allowed() -> None:
    objects = [definition for definition in DEFINITIONS.values() if "properties" in definition]
    assert objects
    for definition in objects:
        assert definition["additionalProperties"] is False
        assert definition["description"]
        for key, value in definition["properties"].items():
            assert value.get("description"), f"{definition['title']}.{key}"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        *[(text, True) for text in ("5s", "2h30m", "1d", "PT2H", "P1D")],
        *[(text, False) for text in ("", "5", "P", "PT", "-5s", "5 s", "1.5h")],
    ],
)
def test_a_duration_is_a_text_as_it_is_written(text: str, fits: bool) -> None:
    duration = DEFINITIONS["SoakPromotion"]["properties"]["duration"]
    assert duration["type"] == "string"
    assert "format" not in duration
    assert bool(re.search(duration["pattern"], text)) is fits


def test_the_page_of_promotions_is_written_from_the_code() -> None:
    assert (ROOT / "docs/promotions.md").read_text(encoding="utf-8") == promotions()
