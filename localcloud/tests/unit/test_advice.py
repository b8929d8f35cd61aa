"""What the terminal advises for each refusal: the likelier cause, the role, the scope and the line of the file."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import TENANT_ID, AccessModel, client_id, principal_id
from localcloud.authorization.propagation import Pending
from localcloud.cluster.sources import Sources
from localcloud.entra.federation import Federation, Way
from localcloud.operator.advice import Advice
from localcloud.operator.attempts import without_attempt

ISSUER = "https://cluster.example/tenant/cluster/"
GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
SEND = "Microsoft.ServiceBus/namespaces/messages/send/action"
READ = "Microsoft.DocumentDB/databaseAccounts/readMetadata"
MODEL: dict[str, Any] = {
    "entities": {
        "keyVault": {"mine": {}, "yours": {}},
        "serviceBus": {"jobs": {}},
        "cosmos": {"items": {"database": "db", "partitionKey": "/id"}},
    },
    "roles": {"Item Reader": {"kind": "cosmos", "dataActions": [READ]}},
    "workloads": {
        "web": {
            "namespace": "shop",
            "serviceAccount": "web",
            "grants": [
                {"role": "Key Vault Secrets User", "scope": "keyVault/mine"},
                {"role": "Azure Service Bus Data Sender", "scope": "serviceBus/jobs"},
                {"role": "Item Reader", "scope": "cosmos/items"},
            ],
        },
        "worker": {
            "namespace": "shop",
            "serviceAccount": "worker",
            "grants": [{"role": "Key Vault Secrets User", "scope": "keyVault/yours"}],
        },
    },
}
MANIFESTS = f"""\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: web
  annotations:
    azure.workload.identity/client-id: WRITTEN
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    metadata:
      labels:
        azure.workload.identity/use: "true"
    spec:
      serviceAccountName: web
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: outputs
data:
  workerClientId: {client_id("worker")}
"""


FEDERATION = Federation(lambda: AccessModel.model_validate(MODEL), Way.CREDENTIALS, ISSUER, ())


@pytest.fixture
def advise(tmp_path: Path) -> Callable[..., str]:
    """Hears the entries with the model as it is after `change`, and returns the advice on the last of them."""

    def advise(*entries: ExchangeEntry | AccessEntry, change: Callable[[dict[str, Any]], object] | None = None) -> str:
        model = copy.deepcopy(MODEL)
        now = [AccessModel.model_validate(model)]
        (tmp_path / "kustomization.yaml").write_text("resources: [web.yaml]")
        written = next((entry.client_id for entry in entries if isinstance(entry, ExchangeEntry)), "none")
        (tmp_path / "web.yaml").write_text(MANIFESTS.replace("WRITTEN", f"{written} # web"))
        federation = Federation(lambda: now[0], Way.CREDENTIALS, ISSUER, ())
        advice = Advice(lambda: now[0], tmp_path / "access.yaml", federation, Sources(tmp_path))
        for entry in entries[:-1]:
            advice.hear(entry)
        advice.hear(AccessEntry(None, None, None, None, GET, "keyVault/mine", allowed=False, reason="expired"))
        if change:
            change(model)
        (tmp_path / "access.yaml").write_text(yaml.safe_dump(model, sort_keys=False))
        now[0] = AccessModel.model_validate(model)
        last = entries[-1]
        return str(advice.on_exchange(last) if isinstance(last, ExchangeEntry) else advice.on_access(last))

    return advise


def exchange(result: str, workload: str | None = "web", **changed: Any) -> ExchangeEntry:
    known: dict[str, Any] = {
        "client_id": client_id(workload or "nobody"),
        "workload": workload,
        "pod": "web-a1b2c",
        "issuer": ISSUER,
        "subject": "system:serviceaccount:shop:web",
        "resource": None,
        "result": f"AADSTS{result}",
        "uti": None,
    }
    return ExchangeEntry(**(known | changed))


def denied(
    workload: str = "web", action: str = GET, scope: str = "keyVault/mine", pod: str = "web-a1b2c"
) -> AccessEntry:
    return AccessEntry(principal_id(workload), workload, pod, None, action, scope, allowed=False, reason="no grant")


def used(workload: str, scope: str) -> AccessEntry:
    return AccessEntry(principal_id(workload), workload, None, None, GET, scope, allowed=True)


def credential(**changed: str) -> Callable[[dict[str, Any]], object]:
    """The web's federated credential is another than its own."""
    wrong = {"issuer": ISSUER, "subject": "system:serviceaccount:shop:web"} | changed
    return lambda model: model["workloads"]["web"].update(trustsCluster=False, federatedCredentials=[wrong])


def scope(was: str, becomes: str | None) -> Callable[[dict[str, Any]], object]:
    """The web's grant is on another scope, or is gone."""

    def change(model: dict[str, Any]) -> None:
        grants = model["workloads"]["web"]["grants"]
        (grant,) = [grant for grant in grants if grant["scope"] == was]
        if becomes:
            grant["scope"] = becomes
        else:
            grants.remove(grant)

    return change


Change = Callable[[dict[str, Any]], object]
CASES: dict[str, tuple[list[ExchangeEntry | AccessEntry], Change | None, list[str]]] = {
    "client id unknown": (
        [exchange("700016", None, client_id="0" * 8)],
        None,
        ["no identity has the client id 00000000", f"account web to {client_id('web')}", "web.yaml:6"],
    ),
    "identity deleted": (
        [exchange("700016", None, client_id=client_id("web"))],
        lambda model: model["workloads"].pop("web"),
        ["the identity web was deleted", "the client id in the manifests is right", "access.yaml"],
    ),
    "identity deleted, another name than its service account's": (
        [exchange("700016", None, client_id=client_id("worker"), subject="system:serviceaccount:shop:w", pod=None)],
        lambda model: model["workloads"].pop("worker"),
        ["the identity worker was deleted"],
    ),
    "client id of another workload": (
        [exchange("700213", "worker")],
        None,
        ["client id is that of another workload", "has worker's", f"web's own, {client_id('web')}", "web.yaml:6"],
    ),
    "service account of another workload, and the client id with it": (
        [exchange("700213", "web", subject="system:serviceaccount:shop:worker")],
        None,
        ["likelier wrong than the credential", "correct serviceAccountName to web", "web.yaml:18"],
    ),
    "service account that nobody trusts": (
        [exchange("700213", subject="system:serviceaccount:shop:default")],
        None,
        ["the pod is system:serviceaccount:shop:default", "correct serviceAccountName to web", "web.yaml:18"],
    ),
    "namespace": (
        [exchange("700213", subject="system:serviceaccount:market:web")],
        None,
        ["The namespace differs: move the pod to shop", "access.yaml"],
    ),
    "subject of the credential": (
        [exchange("700213")],
        credential(subject="system:serviceaccount:shop:wbe"),
        ["trusts system:serviceaccount:shop:wbe", "The credential is wrong", "the workload web in"],
    ),
    "case": ([exchange("7002138")], credential(subject="system:serviceaccount:shop:Web"), ["shop:Web", "credential"]),
    "credential deleted": (
        [exchange("70025")],
        lambda model: model["workloads"]["web"].update(trustsCluster=False),
        ["credential of the identity web was deleted", ISSUER, "system:serviceaccount:shop:web", "access.yaml:"],
    ),
    "issuer without its last slash": (
        [exchange("700211")],
        credential(issuer=ISSUER.rstrip("/")),
        [f"trusts the issuer {ISSUER.rstrip('/')},", f"from {ISSUER}.", "the last slash alone"],
    ),
    "issuer of another cluster": (
        [exchange("700211")],
        credential(issuer="https://another.example/"),
        ["another.example", "another cluster's"],
    ),
    "audience of the credential": (
        [exchange("700212")],
        credential(audience="api://Azure"),
        ["trusts the audience api://Azure", "Correct the credential", "the workload web in"],
    ),
    "audience of the token": ([exchange("700212")], None, ["api://AzureADTokenExchange", "token volume"]),
    "tenant": ([exchange("90002", None)], None, [TENANT_ID, "azure.workload.identity/tenant-id"]),
    "role missing": (
        [denied()],
        scope("keyVault/mine", None),
        ["the role is missing", "role: Key Vault Secrets User, scope: keyVault/mine", "the workload web in", "yaml:"],
    ),
    "role missing, to send": (
        [denied(action=SEND, scope="serviceBus/jobs")],
        scope("serviceBus/jobs", None),
        ["role: Azure Service Bus Data Sender, scope: serviceBus/jobs"],
    ),
    "role missing, in Cosmos": (
        [denied(action=READ, scope="cosmos/items")],
        scope("cosmos/items", None),
        ["role: Item Reader, scope: cosmos/items"],
    ),
    "role missing, for Cosmos's account": (
        [denied(action=READ, scope="cosmos")],
        scope("cosmos/items", None),
        ["role: Item Reader, scope: cosmos/items"],
    ),
    "role on the wrong scope": (
        [used("worker", "keyVault/yours"), denied()],
        scope("keyVault/mine", "keyVault/yours"),
        ["has the role Key Vault Secrets User on keyVault/yours", "correct the scope to keyVault/mine"],
    ),
    "role missing beside one that is used": (
        [used("web", "keyVault/mine"), denied(scope="keyVault/yours")],
        None,
        ["the role is missing", "scope: keyVault/yours"],
    ),
    "pod under the wrong service account": (
        [denied("worker")],
        None,
        ["runs under the wrong service account", "likelier than a missing role", "web.yaml:18", "grant worker nothing"],
    ),
    "identity of another workload, with the right service account": (
        [exchange("ok", "worker"), denied("worker")],
        None,
        [
            "web asks as worker, whose identity trusts it",
            f"its own again: {client_id('web')}",
            "the workload worker in",
        ],
    ),
    "role moved to an entity that is nobody's": (
        [denied()],
        lambda model: (
            model["entities"]["keyVault"].update(ours={}),
            scope("keyVault/mine", "keyVault/ours")(model),
        ),
        ["has the role Key Vault Secrets User on keyVault/ours", "correct the scope to keyVault/mine"],
    ),
    "identity gone, its token not": (
        [AccessEntry("an-oid", None, None, None, GET, "keyVault/mine", allowed=False, reason="no grant")],
        None,
        ["an-oid has no identity any more", "access.yaml"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_advice_names_the_cause_and_the_file(name: str, advise: Callable[..., str]) -> None:
    """Each kind of refusal has its own sentence, and if two causes are possible, the likelier is named."""
    entries, change, words = CASES[name]
    said = advise(*entries, change=change)
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize(("what", "advised"), [("given", "Edit nothing, and wait"), ("taken", "the role is missing")])
def test_a_role_that_was_given_just_now_is_waited_for(tmp_path: Path, what: Any, advised: str) -> None:
    """It is there already, so nothing is to be edited. One that was taken away is missing, whatever still counts."""
    model = copy.deepcopy(MODEL)
    scope("keyVault/mine", None)(model)
    granted = AccessModel.model_validate(MODEL).workloads["web"].grants[0]
    advice = Advice(
        lambda: AccessModel.model_validate(model),
        tmp_path / "access.yaml",
        FEDERATION,
        pending=lambda _workload: [Pending(what, granted, 1_795_600_000.0)],
    )
    said = str(advice.on_access(denied()))
    assert advised in said
    assert ("not in force before 09:46:40" in said) is (what == "given")


REASONS: dict[str, tuple[str, str, list[str]]] = {
    "label": (
        "ValueError: Missing required arguments: 'tenant_id', 'client_id', 'token_file_path'.",
        "",
        ["needs the label"],
    ),
    "annotation": (
        "Missing required arguments: 'client_id'.",
        "",
        ["needs the annotation", client_id("web"), "web.yaml:6"],
    ),
    "container skipped": (
        "Missing required arguments: 'token_file_path'.",
        "azure.workload.identity/skip-containers: web",
        ["names the container, so that the webhook gives it nothing"],
    ),
    "proxy": (
        "ServiceRequestError: ('Unable to connect to proxy', …)",
        "HTTPS_PROXY: http://127.0.0.1:9",
        ["by a proxy that does not answer", "more.yaml:1"],
    ),
    "authority": (
        "[SSL: CERTIFICATE_VERIFY_FAILED]",
        "SSL_CERT_FILE: /a.pem",
        ["does not trust the authority", "more.yaml:1"],
    ),
    "secret missing": (
        "ResourceNotFoundError: (SecretNotFound) A secret with (name/id) mine was not found in this key vault.",
        "",
        ["the vault has no secret mine"],
    ),
    "secret deleted": (
        "ResourceNotFoundError: (SecretNotFound) A secret with (name/id) yours was not found in this key vault.",
        "",
        ["was deleted, and can be recovered", "localcloud recover-secret yours"],
    ),
}


@pytest.mark.parametrize("name", REASONS)
def test_a_pod_that_was_refused_nothing_is_advised_by_what_it_says(tmp_path: Path, name: str) -> None:
    """With the line of the manifests, if one stands there; `yours` is the deleted secret."""
    reason, written, words = REASONS[name]
    (tmp_path / "kustomization.yaml").write_text("resources: [web.yaml, more.yaml]")
    (tmp_path / "web.yaml").write_text(MANIFESTS)
    (tmp_path / "more.yaml").write_text(written)
    advice = Advice(
        lambda: AccessModel.model_validate(MODEL),
        tmp_path / "access.yaml",
        FEDERATION,
        Sources(tmp_path),
        is_deleted=lambda secret: secret == "yours",
    )
    said = str(advice.on_pod(reason, "web"))
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize("reason", ["", "starting", "Service Bus: no answer within 2 seconds"])
def test_a_pod_that_says_nothing_known_gets_no_advice(tmp_path: Path, reason: str) -> None:
    """A guess would mislead."""
    advice = Advice(lambda: AccessModel.model_validate(MODEL), tmp_path / "access.yaml", FEDERATION)
    assert advice.on_pod(reason, "web") is None


ALIKE = [
    ("denied. Trace ID: 1b2c Correlation ID: 3d4e", "denied. Trace ID: 5f6a Correlation ID: 7b8c"),
    ("TrackingId:aa-bb_G1, Timestamp:2026-11-25T10:00:00", "TrackingId:cc-dd_G2, Timestamp:2026-11-25T10:00:07"),
    ("Current time: 2026-11-25T10:00:00.1234567Z", "Current time: 2026-11-25T10:00:09.7654321Z"),
    ("RequestId:ab Time:2026-11-25T10:00:00.1Z", "RequestId:cd Time:2026-11-25T10:00:05.2Z"),
    ("CrashLoopBackOff, next start in 2 s: ended", "CrashLoopBackOff, next start in 4 s: ended"),
    ("ActivityId: 1-2, denied", "ActivityId: 3-4, denied"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_refusals_that_differ_in_a_tracking_id_are_alike(one: str, other: str) -> None:
    """Ids of one attempt, moments and waits do not make a refusal another."""
    assert without_attempt(one) == without_attempt(other)


def test_refusals_of_two_identities_are_not_alike() -> None:
    """A client id, a principal or a scope says what was refused, so it counts."""
    assert without_attempt("Application 1b2c-3d was not found") != without_attempt("Application 4e5f-6a was not found")
    assert without_attempt("principal [1-2] on keyVault/a") != without_attempt("principal [1-2] on keyVault/b")
