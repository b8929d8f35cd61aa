"""What is looked at on Azure: the pods' logs reach the workspace, and each alert of `infra/alerts.yaml` is a rule."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra import bicep_snapshot
from tests.infra.derived import PROFILES
from tests.infra.terraform_snapshot import Snapshot

ALERTS = yaml.safe_load(Path("infra/alerts.yaml").read_text())
STREAMS = ["Microsoft-ContainerLogV2", "Microsoft-KubePodInventory"]
TABLES = {"AzureMetrics", "ContainerLogV2", "KubePodInventory"}


@pytest.mark.parametrize("profile", PROFILES)
def test_each_alert_is_a_rule_in_both_languages(profile: str) -> None:
    """Name, query and threshold are the same, and a rule fires on its first row."""
    bicep = {
        rule["id"].rsplit("/", 1)[1]: (
            rule["properties"]["description"],
            _only(rule["properties"]["criteria"]["allOf"]),
        )
        for rule in _bicep(profile, "Microsoft.Insights/scheduledQueryRules")
    }
    terraform = {
        str(rule["name"]): (rule["description"], _only(rule["criteria"]))
        for rule in Snapshot(profile).of("azurerm_monitor_scheduled_query_rules_alert_v2")
    }
    wanted = {f"keyless-{name}": (alert["because"], alert["query"]) for name, alert in ALERTS.items()}
    assert {name: (why, held["query"]) for name, (why, held) in bicep.items()} == wanted
    assert {name: (why, held["query"]) for name, (why, held) in terraform.items()} == wanted
    for held in (held for rules in (bicep, terraform) for _, held in rules.values()):
        assert (held["operator"], held["threshold"]) == ("GreaterThan", 0)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_pods_log_lines_reach_the_workspace(profile: str) -> None:
    """The cluster has the add-on with an identity and no key, and a rule that collects the application's namespace."""
    [cluster] = _bicep(profile, "Microsoft.ContainerService/managedClusters")
    agent = cluster["properties"]["addonProfiles"]["omsagent"]
    assert (agent["enabled"], agent["config"]["useAADAuth"]) == (True, "true")
    [agent] = _only(Snapshot(profile).of("azurerm_kubernetes_cluster"))["oms_agent"]
    assert agent["msi_auth_for_monitoring_enabled"] is True
    [rule] = _bicep(profile, "Microsoft.Insights/dataCollectionRules")
    extension = _only(rule["properties"]["dataSources"]["extensions"])
    [source] = _only(Snapshot(profile).of("azurerm_monitor_data_collection_rule"))["data_sources"]
    other = _only(source["extension"])
    assert extension["streams"] == other["streams"] == STREAMS
    assert extension["extensionSettings"] == json.loads(other["extension_json"])
    assert extension["extensionSettings"]["dataCollectionSettings"]["namespaces"] == ["keyless"]
    assert len(_bicep(profile, "Microsoft.Insights/dataCollectionRuleAssociations")) == 1


def test_the_alerts_ask_for_what_is_collected_and_written() -> None:
    """Each query begins with a table that is filled, and an event that it names is one that the services log."""
    assert {alert["query"].split()[0] for alert in ALERTS.values()} <= TABLES
    sources = "".join(
        path.read_text() for name in ("workload", "backend", "frontend") for path in Path(name).rglob("*.py")
    )
    events = {
        event for alert in ALERTS.values() for event in re.findall(r'LogMessage\.event\) == "([^"]+)"', alert["query"])
    }
    assert events == {"dependency.failed"}
    assert all(f'"{event}"' in sources for event in events)


def _bicep(profile: str, kind: str) -> list[dict[str, Any]]:
    return [each for each in bicep_snapshot.snapshot(profile)["predictedResources"] if each["type"] == kind]


def _only(values: list[Any]) -> Any:
    [value] = values
    return value
