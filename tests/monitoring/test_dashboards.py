"""The dashboards of Grafana: every field is one of its schema, and every query is of metrics that exist."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import ROOT
from tests.monitoring.documented import TARGET, known_series
from tests.monitoring.expressions import selections

DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
UNITS = {"short", "s", "bytes", "percentunit", "ops", "reqps"}
"""Those of Grafana that the dashboards use: https://grafana.com/docs/grafana/latest/panels-visualizations/."""
OF_THE_PROCESS = ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds")
KNOWN = known_series() | dict.fromkeys(OF_THE_PROCESS, TARGET)
each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def read(path: Path) -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def queries(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each with its legend; variables have values of their kind."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m"), target["legendFormat"]


def lost(given: Any, known: Any, path: str = "$") -> Iterator[str]:  # JSON
    """The values that a schema does not have, or has otherwise."""
    if isinstance(given, dict) and isinstance(known, dict):
        for name, value in given.items():
            yield from lost(value, known[name], f"{path}.{name}") if name in known else [f"{path}.{name}"]
    elif isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        for index, (one, other) in enumerate(zip(given, known, strict=True)):
            yield from lost(one, other, f"{path}[{index}]")
    elif given != known:
        yield path


def test_there_is_one_for_an_overview_a_service_and_the_workers() -> None:
    assert [path.stem for path in DASHBOARDS] == ["overview", "service", "workers"]
    assert len({read(path)["uid"] for path in DASHBOARDS}) == len(DASHBOARDS)


@each_dashboard
def test_every_field_is_one_of_the_schema_of_grafana(path: Path) -> None:
    models, encoder, plugins = (
        importlib.import_module(f"grafana_foundation_sdk.{name}")
        for name in ("models.dashboard", "cog.encoder", "cog.plugins")
    )
    plugins.register_default_plugins()
    dashboard = read(path)
    known = json.loads(encoder.JSONEncoder().encode(models.Dashboard.from_json(dashboard)))
    assert list(lost(dashboard, known)) == []


@each_dashboard
def test_every_query_is_of_metrics_and_labels_that_exist(path: Path) -> None:
    found = list(queries(read(path)))
    assert found
    for query, legend in found:
        selected = selections(query)
        assert selected, query
        for name, labels in selected:
            assert name in KNOWN, query
            assert labels | set(re.findall(r"\{\{(\w+)\}\}", legend)) <= KNOWN[name], query


@each_dashboard
def test_a_variable_is_a_label_of_a_metric_that_exists(path: Path) -> None:
    dashboard = read(path)
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard["panels"]))) - {"__rate_interval"}
    assert used == set(variables)
    for variable in variables.values():
        if variable["type"] == "query":
            (metric, label) = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
            assert label in KNOWN[metric]


@each_dashboard
def test_every_panel_has_a_title_a_description_a_unit_and_a_place_of_its_own(path: Path) -> None:
    places: set[tuple[int, int]] = set()
    for panel in read(path)["panels"]:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        at = panel["gridPos"]
        place = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not place & places
        assert at["x"] + at["w"] <= 24
        places |= place
