"""What may reach whom, in every overlay: all is denied first, and what is let through is listed here."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from tests.infra.derived import MODEL
from tests.infra.manifests import EXPOSED, OVERLAYS, Object, aks_with, named, of_kind, outputs, rendered, strings

DNS = {("UDP", 53), ("TCP", 53)}


def policies(overlay: str, namespace: str) -> dict[str, Object]:
    return {
        item["metadata"]["name"]: item["spec"]
        for item in of_kind(overlay, "NetworkPolicy")
        if item["metadata"]["namespace"] == namespace
    }


def ports(specs: dict[str, Object], direction: str) -> dict[str, set[tuple[str, int]]]:
    """Protocols and ports that each policy lets through; a rule without ports would let everything through."""
    return {
        name: {(port["protocol"], port["port"]) for rule in spec[direction] for port in rule["ports"]}
        for name, spec in specs.items()
        if direction in spec
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_namespace_denies_first(overlay: str) -> None:
    """What no policy names goes neither in nor out."""
    for item in of_kind(overlay, "Namespace"):
        denied = policies(overlay, item["metadata"]["name"])["default-deny"]
        assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("overlay", [overlay for overlay in OVERLAYS if overlay != "aks-everything"])
def test_the_application_goes_out_to_azure_alone(overlay: str) -> None:
    """DNS, 443 and 5671 go out of every pod; the plain API knows ports, no names."""
    assert ports(policies(overlay, "keyless"), "egress") == {"dns": DNS, "azure": {("TCP", 443), ("TCP", 5671)}}


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("resolver", ["kube-dns", "169.254.10.10", "169.254.10.11"])
def test_every_pod_reaches_dns_with_localdns_and_without(overlay: str, resolver: str) -> None:
    """Each policy that lets DNS out lets it out to the cluster's pods and to AKS's LocalDNS, and to nothing else."""
    rules = [
        rule
        for item in of_kind(overlay, "NetworkPolicy")
        for rule in item["spec"].get("egress", [])
        if {(port["protocol"], port["port"]) for port in rule["ports"]} == DNS
        and item["metadata"]["namespace"] != "localcloud"
    ]
    cilium = [
        rule
        for item in of_kind(overlay, "CiliumNetworkPolicy")
        for rule in item["spec"]["egress"]
        if any(port["port"] == "53" for to in rule["toPorts"] for port in to["ports"])
    ]
    assert rules or cilium
    assert all(_lets_out(rule["to"], resolver) for rule in rules)
    assert not any(_lets_out(rule["to"], "169.254.169.254") for rule in rules)
    assert not cilium or any(_cilium_lets_out(rule, resolver) for rule in cilium)


def _lets_out(peers: list[Object], resolver: str) -> bool:
    blocks = [ip_network(peer["ipBlock"]["cidr"]) for peer in peers if "ipBlock" in peer]
    pods = [peer["podSelector"]["matchLabels"].get("k8s-app") for peer in peers if "podSelector" in peer]
    return resolver in pods or (resolver[0].isdigit() and any(ip_address(resolver) in block for block in blocks))


def _cilium_lets_out(rule: Object, resolver: str) -> bool:
    pods = [endpoint["matchLabels"]["k8s:k8s-app"] for endpoint in rule.get("toEndpoints", [])]
    blocks = [ip_network(block) for block in rule.get("toCIDR", [])]
    return resolver in pods or (resolver[0].isdigit() and any(ip_address(resolver) in block for block in blocks))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_frontend_alone_is_reached(overlay: str) -> None:
    """8080 of the frontend is the only way in. If there is a Gateway, only its proxies may use it."""
    inside = policies(overlay, "keyless")
    assert ports(inside, "ingress") == {"frontend": {("TCP", 8080)}}
    assert inside["frontend"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "frontend"}
    [rule] = inside["frontend"]["ingress"]
    namespaces = [peer["namespaceSelector"]["matchLabels"] for peer in rule.get("from", [])]
    assert namespaces == ([{"kubernetes.io/metadata.name": "keyless-gateway"}] if overlay in EXPOSED else [])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_a_host_name_exposes(overlay: str) -> None:
    """Without one there is neither a Gateway nor a Service that gets an address outside the cluster."""
    assert bool(of_kind(overlay, "Gateway")) is (overlay in EXPOSED)
    assert all(item["spec"].get("type", "ClusterIP") == "ClusterIP" for item in of_kind(overlay, "Service"))
    assert of_kind(overlay, "Ingress") == []


@pytest.mark.parametrize("overlay", EXPOSED)
def test_the_gateway_serves_https_under_the_host_name(overlay: str) -> None:
    """One listener, whose certificate the add-on takes from the vault as the Gateway's own identity."""
    gateway = named(overlay, "Gateway", "keyless")
    assert gateway["spec"]["gatewayClassName"] == "approuting-istio"
    [listener] = gateway["spec"]["listeners"]
    assert (listener["protocol"], listener["port"], listener["hostname"]) == (
        "HTTPS",
        443,
        outputs(overlay)["hostname"],
    )
    vault = outputs(overlay)["keyVaultEndpoint"]
    assert listener["tls"]["options"] == {
        "kubernetes.azure.com/tls-cert-keyvault-uri": f"{vault}secrets/gateway-certificate",
        "kubernetes.azure.com/tls-cert-service-account": "gateway",
    }
    account = named(overlay, "ServiceAccount", "gateway")["metadata"]
    assert account["namespace"] == gateway["metadata"]["namespace"]
    assert account["labels"]["azure.workload.identity/use"] == "true"  # the add-on, unlike the webhook, asks for it


@pytest.mark.parametrize("overlay", EXPOSED)
def test_the_route_names_the_public_paths(overlay: str) -> None:
    """The page, orders, static files and the description are public; the identity page and health are not."""
    [route] = of_kind(overlay, "HTTPRoute")
    assert route["spec"]["hostnames"] == [outputs(overlay)["hostname"]]
    [parent] = route["spec"]["parentRefs"]
    gateway = named(overlay, "Gateway", parent["name"])
    assert parent["namespace"] == gateway["metadata"]["namespace"]
    assert parent["sectionName"] in {listener["name"] for listener in gateway["spec"]["listeners"]}
    [rule] = route["spec"]["rules"]
    paths = {(match["path"]["type"], match["path"]["value"]) for match in rule["matches"]}
    assert paths == {
        ("Exact", "/"),
        ("PathPrefix", "/orders"),
        ("PathPrefix", "/static"),
        ("Exact", "/openapi.json"),
    }
    [backend] = rule["backendRefs"]
    served = {port["port"] for port in named(overlay, "Service", backend["name"])["spec"]["ports"]}
    assert backend["port"] in served


def test_with_cilium_what_goes_out_is_named() -> None:
    """By name: Entra, and each workload the services that it is granted. By port alone: nothing."""
    given = outputs("aks")
    assert ports(policies("aks-everything", "keyless"), "egress") == {}
    by_policy = {
        item["metadata"]["name"]: set(_names(item["spec"])) for item in of_kind("aks-everything", "CiliumNetworkPolicy")
    }
    account = given["cosmosEndpoint"].removeprefix("https://").split(".")[0]
    assert by_policy == {
        "dns": set(),
        "entra": {("login.microsoftonline.com", "443")},
        "service-bus": {(given["serviceBusNamespace"], "5671")},
        "stores": {
            (given["keyVaultEndpoint"].removeprefix("https://").rstrip("/"), "443"),
            (given["blobEndpoint"].removeprefix("https://").rstrip("/"), "443"),
            (f"{account}*.documents.azure.com", "443"),
        },
    }
    for policy, services in (("service-bus", {"serviceBus"}), ("stores", {"keyVault", "cosmos", "blob"})):
        selector = named("aks-everything", "CiliumNetworkPolicy", policy)["spec"]["endpointSelector"]
        [expression] = selector["matchExpressions"]
        assert (expression["key"], expression["operator"]) == ("app.kubernetes.io/name", "In")
        assert set(expression["values"]) == {
            name
            for name, workload in MODEL["workloads"].items()
            if workload["namespace"] == "keyless"
            and services & {grant["scope"].split("/")[0] for grant in workload["grants"]}
        }


def test_with_identity_bindings_no_pod_reaches_entra() -> None:
    """With Cilium the API server, where the token proxy answers, takes the place of Entra's sign-in endpoint."""
    [entra] = (item for item in aks_with("cilium", "identity-bindings") if item["metadata"]["name"] == "entra")
    assert entra["spec"]["egress"] == [
        {"toEntities": ["kube-apiserver"], "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]}
    ]
    assert "login.microsoftonline.com" not in strings(aks_with("cilium", "identity-bindings"))


def _names(spec: Object) -> Iterator[tuple[str, str]]:
    for rule in spec["egress"]:
        for name in rule.get("toFQDNs", []):
            for to in rule["toPorts"]:
                for port in to["ports"]:
                    yield name.get("matchName") or name["matchPattern"], port["port"]


def test_each_worker_gets_a_disk_of_its_own() -> None:
    """The component `volume` asks for an Azure disk that is made and removed with its pod."""
    [tmp] = named("aks-everything", "Deployment", "backend")["spec"]["template"]["spec"]["volumes"]
    claim = tmp["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert claim["storageClassName"] == "managed-csi"
    assert claim["accessModes"] == ["ReadWriteOnce"]
    assert [item for item in rendered("aks") if "ephemeral" in str(item)] == []
