"""deploy/grafana-dashboard.json and deploy/prometheus-rules.yaml: what they ask for is there."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from adminbot.metrics import observe
from adminbot.metrics.table import ACT, METRICS, Kind
from tests import ROOT
from tests.counting import counting

DASHBOARD = json.loads((ROOT / "deploy/grafana-dashboard.json").read_text())
[GROUP] = yaml.safe_load((ROOT / "deploy/prometheus-rules.yaml").read_text())["groups"]
PANELS = DASHBOARD["panels"]
IN_PANELS = [target["expr"] for panel in PANELS for target in panel["targets"]]
IN_RULES = [rule["expr"] for rule in GROUP["rules"]]
EXPRS = sorted({*IN_PANELS, *IN_RULES})
# Prometheus' own, of each thing that it reads; and what Prometheus writes at each metric.
ITS_OWN = {"up": {"job", "instance"}}
_NAME = re.compile(r"\b(?:adminbot|process)_\w+|\bup\b")
_LABEL = re.compile(r'(\w+)=~?"([^"]*)"')
_BY = re.compile(r"\bby \(([\w, ]+)\)")


def there() -> dict[str, set[str]]:
    """Each name on a page, and its labels."""
    found: dict[str, set[str]] = {}
    with counting() as counted:
        observe(ACT, 1, "newbot")
        states = {it: 0.0 for it in METRICS if it.kind is Kind.GAUGE}
        samples = counted.samples(states)
    for sample in samples:
        name, _, labels = sample.rstrip("}").partition("{")
        found.setdefault(name, {"job", "instance"}).update(re.findall(r"(\w+)=", labels))
    return found | ITS_OWN


@pytest.mark.parametrize("expr", EXPRS)
def test_what_is_asked_for_is_on_the_page(expr: str) -> None:
    """By name, and with the labels that it is asked for by."""
    names = set(_NAME.findall(expr))
    assert names
    assert names <= there().keys()
    labels = {label for label, _ in _LABEL.findall(expr)}
    for together in _BY.findall(expr):
        labels |= set(together.split(", "))
    for name in names:
        assert labels <= there()[name], name


@pytest.mark.parametrize("expr", EXPRS)
def test_a_label_is_asked_for_by_a_value_that_it_can_have(expr: str) -> None:
    known = {it.name: set(it.values or ()) for metric in METRICS for it in metric.labels}
    for label, wanted in _LABEL.findall(expr):
        if label in known:
            assert set(wanted.split("|")) <= known[label]


def test_every_metric_has_its_panel() -> None:
    for metric in METRICS:
        assert any(metric.name in expr for expr in IN_PANELS), metric.name


def queries(part: Any) -> Iterator[Any]:
    """Each place in the dashboard that names a data source."""
    if isinstance(part, dict):
        if "datasource" in part:
            yield part["datasource"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from queries(each)


def test_the_dashboard_is_of_no_grafana_in_particular() -> None:
    assert {json.dumps(it) for it in queries(DASHBOARD)} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }
    assert DASHBOARD["templating"]["list"][0]["type"] == "datasource"
    asked = set(re.findall(r"\$(\w+)", " ".join(IN_PANELS)))
    its_own = {"__range", "__interval", "__rate_interval"}
    assert asked - its_own <= {it["name"] for it in DASHBOARD["templating"]["list"]}


def test_no_panel_lies_on_another() -> None:
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in PANELS)
        for x, y in itertools.product(
            range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        )
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
