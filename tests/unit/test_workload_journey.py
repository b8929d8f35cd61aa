"""The token's journey in its parts: times, the access model, and a sentence for each of Entra's refusals."""

import base64
import json
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from localcloud.entra import errors

from workload.journey.access_model import AccessModel
from workload.journey.chain import EXPLANATIONS, journey
from workload.journey.links import Journey, Outcome
from workload.journey.page import context
from workload.journey.uses import Use
from workload.tokens import Exchange

MODEL = AccessModel(files("contract") / "access.yaml")
NOW = time.time()
HOUR, DAY = 3600, 86400


def shown(monkeypatch: pytest.MonkeyPatch, folder: Path, claims: dict[str, Any] | str, *exchanges: Exchange) -> Journey:
    """Return the journey of the frontend with this projected token, or with this text in its file."""
    text = claims
    if not isinstance(claims, str):
        text = f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"
    file = folder / "token"
    file.write_text(str(text))
    for name, value in {
        "AZURE_FEDERATED_TOKEN_FILE": str(file),
        "AZURE_CLIENT_ID": "c",
        "AZURE_TENANT_ID": "t",
    }.items():
        monkeypatch.setenv(name, value)
    return journey("frontend", MODEL, exchanges, [(Use("blob", "Blob Storage", "read", "blob/receipts"), Outcome())])


@pytest.mark.parametrize(("life", "renewed_after"), [(HOUR, 0.8 * HOUR), (DAY, 0.8 * DAY), (7 * DAY, DAY)])
def test_the_kubelet_renews_after_most_of_the_life_or_after_a_day(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, life: int, renewed_after: float
) -> None:
    """The projected token is renewed after 80 % of its life, and after a day at the latest."""
    found = shown(monkeypatch, tmp_path, {"iat": NOW, "exp": NOW + life, "iss": "i"}).projected
    assert found.lifetime is not None
    assert (found.lifetime.renewed - found.lifetime.issued).total_seconds() == pytest.approx(renewed_after)


@pytest.mark.parametrize(
    ("claims", "state", "says"),
    [
        ("", "failed", "holds no token"),
        ("opaque", "failed", "holds no token"),
        ("\udcff", "failed", "holds no token"),
        ({"iss": "i"}, "ok", None),
        ({"iss": "i", "iat": "soon", "exp": None}, "ok", None),
        ({"iss": "i", "iat": -1, "exp": 1e300}, "ok", None),
        ({"iss": ["i", 5], "sub": {"a": "b"}, "aud": None}, "ok", None),
        ({"iss": "i", "iat": NOW, "exp": NOW + HOUR}, "ok", None),
        ({"iss": "i", "iat": NOW - 2 * HOUR, "exp": NOW - HOUR}, "failed", "has expired"),
        ({"iss": "i", "iat": NOW, "exp": NOW - HOUR}, "failed", "has expired"),
    ],
)
def test_any_content_of_the_tokens_file_is_shown_or_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, claims: Any, state: str, says: str | None
) -> None:
    """What is no token, or has run out, is a problem in a sentence, and the page can be drawn all the same."""
    if isinstance(claims, str):
        (tmp_path / "token").write_bytes(claims.encode("utf-8", "surrogateescape"))
        claims = claims.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    found = shown(monkeypatch, tmp_path, claims)
    assert found.projected.state == state
    assert (says is None) == (found.projected.problem is None)
    assert (says or "") in (found.projected.problem or "")
    for bar in context(found)["bars"]:
        assert 0 <= bar.issued <= bar.renewed <= bar.expires <= 1000


@pytest.mark.parametrize(
    ("scope", "service"),
    [
        ("https://vault.azure.net/.default", "Key Vault"),
        ("https://vault.usgovcloudapi.net/.default", "Key Vault"),
        ("https://servicebus.azure.net//.default", "Service Bus"),
        ("https://cosmos.azure.com/.default", "Cosmos DB"),
        ("https://vault.documents.azure.com/.default", "Cosmos DB"),
        ("https://keyless.documents.azure.com/.default", "Cosmos DB"),
        ("https://storage.azure.com/.default", "Blob Storage"),
        ("https://management.azure.com/.default", "https://management.azure.com/.default"),
    ],
)
def test_a_scope_is_a_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scope: str, service: str) -> None:
    """A token is shown with its service, in each of Azure's clouds; an unknown one with its scope."""
    exchange = Exchange(scope, {"aud": "a", "exp": NOW + HOUR, "iat": NOW}, NOW, NOW + HOUR / 2)
    (token,) = shown(monkeypatch, tmp_path, {"iss": "i"}, exchange).tokens
    assert token.service == service
    assert token.lifetime.issued < token.lifetime.renewed < token.lifetime.expires


def test_with_identity_bindings_the_proxys_audience_is_the_trusted_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page says that the cluster's token proxy exchanges the token, and compares with what it takes."""
    monkeypatch.setenv("AZURE_KUBERNETES_TOKEN_PROXY", "https://10.0.0.1:443")
    exchange = shown(monkeypatch, tmp_path, {"iss": "i", "aud": ["api://AzureADTokenExchange"]}).exchange
    assert exchange.way == "bindings"
    assert [(part.trusted, part.same) for part in exchange.compared if part.name == "aud"] == [
        ("api://AKSIdentityBinding", False)
    ]
    exchange = shown(monkeypatch, tmp_path, {"iss": "i", "aud": ["api://AKSIdentityBinding"]}).exchange
    assert [part.same for part in exchange.compared if part.name == "aud"] == [None]


def test_each_refusal_of_entra_is_explained() -> None:
    """Each code that a wrong pod can bring about has a sentence, and the part of the request that it is about."""
    refusals = [
        errors.tenant_not_found("t"),
        errors.application_not_found("c", "t"),
        errors.no_credentials("c", "n"),
        errors.issuer_mismatch("i"),
        errors.audience_mismatch("a"),
        errors.subject_mismatch("s"),
        errors.subject_case_mismatch("s"),
        errors.assertion_malformed(),
        errors.assertion_expired(0, 0, 0),
        errors.key_not_published("k", "i"),
        errors.signature_invalid(),
        errors.issuer_unreachable(),
    ]
    explained = EXPLANATIONS["codes"]
    assert [refusal.code for refusal in refusals if f"AADSTS{refusal.code}" not in explained] == []
    parts = {*EXPLANATIONS["projected"], *EXPLANATIONS["trusted"]["credentials"]}
    assert {about["about"] for about in explained.values()} <= parts


def test_what_holders_are_depends_on_action_and_entity() -> None:
    """A grant on another entity, or of a role without the action, allows nothing."""
    secret = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
    assert [grant.workload for grant in MODEL.holders(secret, "keyVault/frontend-signing-key")] == ["frontend"]
    assert MODEL.holders("Microsoft.KeyVault/vaults/secrets/delete", "keyVault/frontend-signing-key") == []
    assert MODEL.holders(secret, "keyVault/no-such-secret") == []
    assert MODEL.subject("keda") == "system:serviceaccount:kube-system:keda-operator"
