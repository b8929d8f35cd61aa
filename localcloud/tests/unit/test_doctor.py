"""The doctor's judgement of a chain: one broken link is named, and nothing after it."""

from dataclasses import replace
from typing import Any

import pytest
from localcloud.authorization.workload import EXCHANGE_AUDIENCE as AUDIENCE
from localcloud.doctor.chain import examine
from localcloud.doctor.facts import (
    AbsentSecret,
    Access,
    Credential,
    Exchange,
    Facts,
    KnownIdentity,
    PendingRole,
    Remedy,
    Token,
    WideRole,
)
from localcloud.doctor.link import ChainLink
from localcloud.doctor.report import Examined, show
from localcloud.doctor.spelling import misspelt

ISSUER, SUBJECT, NOW = "https://cluster.example/one/", "system:serviceaccount:shop:web", 1_000_000.0
LINKS = [
    *("label", "mutation", "service account", "annotation", "tenant", "client id", "issuer", "subject", "audience"),
    *("token's times", "exchange", "role", "action"),
]
WEB = KnownIdentity("web", "aaaa", (Credential(ISSUER, SUBJECT, AUDIENCE),))
WORKER = KnownIdentity("worker", "bbbb", (Credential(ISSUER, "system:serviceaccount:shop:worker", AUDIENCE),))
TOKEN = Token(ISSUER, SUBJECT, (AUDIENCE,), NOW - 60, NOW + 3600)
ALLOWED = Access("get", "keyVault/mine", allowed=True, granted=True, reason="", roles=("Reader",))
DENIED = Access("get", "keyVault/mine", allowed=False, granted=False, reason="no grant", roles=())
GIVEN = PendingRole("given", "Reader", "keyVault/mine", NOW + 1)
HEALTHY = Facts(
    workload="web",
    kind="Deployment",
    owner="web",
    refused="",
    pod="web-a1b2c",
    ready=True,
    lacks="",
    label="true",
    label_elsewhere=(),
    label_misspelt="",
    mutated=True,
    skipped=False,
    account="shop/web",
    account_exists=True,
    meant_account="shop/web",
    annotation="aaaa",
    annotation_elsewhere=(),
    annotation_misspelt="",
    pod_client_id="aaaa",
    container_client_id=False,
    tenant="the-tenant",
    own_tenant="the-tenant",
    own=WEB,
    found=WEB,
    token=TOKEN,
    now=NOW,
    exchange=Exchange("", ""),
    accesses=(ALLOWED,),
)


class Names:
    """Remedies that say what they were asked for."""

    def __getattr__(self, link: str) -> Any:
        return lambda _facts, *more: Remedy(f"{link} {' '.join(getattr(each, 'scope', str(each)) for each in more)}")


def trusting(**changed: str) -> Facts:
    credential = replace(WEB.credentials[0], **changed)
    return replace(HEALTHY, found=replace(WEB, credentials=(credential,)))


CASES: dict[str, tuple[Facts, str, list[str]]] = {
    "no label": (replace(HEALTHY, label=None, mutated=False, token=None, exchange=None), "label", ["no such label"]),
    "label false": (replace(HEALTHY, label="false", mutated=False), "label", ['"false"']),
    "label on the service account": (
        replace(HEALTHY, label=None, mutated=False, label_elsewhere=("ServiceAccount",)),
        "label",
        ["on the ServiceAccount, where the webhook does not look"],
    ),
    "label misspelt": (
        replace(HEALTHY, label=None, mutated=False, label_misspelt="azure.workload.identity/used"),
        "label",
        ["it has azure.workload.identity/used, which the webhook does not know"],
    ),
    "container skipped": (replace(HEALTHY, mutated=False, skipped=True), "mutation", ["to skip the container"]),
    "pod older than its label": (replace(HEALTHY, mutated=False), "mutation", ["it has none"]),
    "pod refused": (
        replace(HEALTHY, pod="", mutated=None, lacks="FailedCreate: token expiration 5 not valid"),
        "mutation",
        ["token expiration 5"],
    ),
    "service account missing": (
        replace(HEALTHY, pod="", mutated=None, account="shop/wbe", account_exists=False, lacks="FailedCreate: …"),
        "service account",
        ["shop/wbe, which does not exist"],
    ),
    "another's service account": (
        replace(HEALTHY, account="shop/worker", own=WORKER, found=WORKER, annotation="bbbb", pod_client_id="bbbb"),
        "service account",
        ["shop/worker"],
    ),
    "no annotation": (
        replace(HEALTHY, annotation=None, pod_client_id=None, found=None),
        "annotation",
        ["has none", "aaaa"],
    ),
    "annotation on the pod": (
        replace(HEALTHY, annotation=None, pod_client_id=None, found=None, annotation_elsewhere=("pod",)),
        "annotation",
        ["stands on the pod"],
    ),
    "annotation misspelt": (
        replace(HEALTHY, annotation=None, pod_client_id=None, found=None, annotation_misspelt="azure/client_id"),
        "annotation",
        ["it has azure/client_id, which the webhook does not know"],
    ),
    "client id in the container": (
        replace(HEALTHY, pod_client_id="bbbb", container_client_id=True, found=WORKER),
        "client id",
        ["bbbb, worker's", "beats the annotation"],
    ),
    "pod older than its annotation": (
        replace(HEALTHY, pod_client_id="bbbb", found=WORKER),
        "client id",
        ["before the annotation was changed"],
    ),
    "another tenant": (replace(HEALTHY, tenant="another"), "tenant", ["another", "the-tenant"]),
    "client id unknown": (
        replace(HEALTHY, annotation="zzzz", pod_client_id="zzzz", found=None),
        "client id",
        ["which no identity has"],
    ),
    "client id of another": (
        replace(HEALTHY, annotation="bbbb", pod_client_id="bbbb", found=WORKER),
        "client id",
        ["bbbb, worker's", "aaaa"],
    ),
    "identity deleted": (replace(HEALTHY, own=None, found=None), "client id", ["was deleted"]),
    "credential deleted": (replace(HEALTHY, found=replace(WEB, credentials=())), "issuer", ["AADSTS70025"]),
    "last slash": (trusting(issuer=ISSUER.rstrip("/")), "issuer", ["AADSTS700211", ISSUER]),
    "subject": (trusting(subject=SUBJECT.upper()), "subject", ["AADSTS700213", SUBJECT.upper()]),
    "audience": (trusting(audience="api://other"), "audience", ["AADSTS700212", "api://other"]),
    "token expired": (replace(HEALTHY, now=NOW + 4000), "token's times", ["now"]),
    "token from the future": (replace(HEALTHY, now=NOW - 1000), "token's times", ["now"]),
    "exchange refused": (
        replace(HEALTHY, exchange=Exchange("AADSTS7000272", "no such key")),
        "exchange",
        ["AADSTS7000272: no such key"],
    ),
    "proxy in the way": (
        replace(HEALTHY, ready=False, lacks="('Unable to connect to proxy', …)", exchange=None),
        "exchange",
        ["the proxy can't be reached"],
    ),
    "authority not trusted": (
        replace(HEALTHY, ready=False, lacks="[SSL: CERTIFICATE_VERIFY_FAILED] …", exchange=None),
        "exchange",
        ["an authority that the pod does not trust"],
    ),
    "role given, not in force": (
        replace(HEALTHY, ready=False, accesses=(replace(DENIED, granted=True),), pending=(GIVEN,)),
        "role",
        ["not in force before 13:46:41"],
    ),
    "role taken, still in force": (
        replace(HEALTHY, pending=(replace(GIVEN, what="taken"),)),
        "role",
        ["taken away, and in force until 13:46:41"],
    ),
    "role on the whole vault": (
        replace(HEALTHY, wide=(WideRole("Reader", "keyVault/*", ("keyVault/mine",)),)),
        "role",
        ["it is on keyVault/*", "Reader on keyVault/mine alone"],
    ),
    "secret deleted": (
        replace(HEALTHY, ready=False, absent=(AbsentSecret("mine", deleted=True),)),
        "action",
        ["the secret mine", "can be recovered"],
    ),
    "secret missing": (
        replace(HEALTHY, ready=False, absent=(AbsentSecret("mine", deleted=False),)),
        "action",
        ["the vault has no such secret"],
    ),
    "role missing": (replace(HEALTHY, ready=False, accesses=(ALLOWED, DENIED)), "role", ["no role", "keyVault/mine"]),
    "role of the other plane": (
        replace(HEALTHY, ready=False, accesses=(replace(DENIED, roles=("Contributor",)),)),
        "role",
        ["Contributor: that does not hold it"],
    ),
    "role missing, for an account's metadata too": (
        replace(HEALTHY, ready=False, accesses=(DENIED, replace(DENIED, action="readMetadata", scope="keyVault"))),
        "role",
        ["keyVault/mine"],
    ),
    "token refused": (
        replace(HEALTHY, ready=False, accesses=(ALLOWED, replace(DENIED, granted=True, reason="expired"))),
        "action",
        ["expired"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_broken_link_is_named_and_nothing_else(name: str) -> None:
    """It says what is there and what should be; the links before it are judged, and none after it."""
    facts, broken, words = CASES[name]
    links = examine(facts, Names())
    assert [link.name for link in links] == LINKS, "each once"
    assert [link.name for link in links if link.state == "bad"] == [broken]
    after = links[LINKS.index(broken) + 1 :]
    assert {link.state for link in after} <= {"unknown"}
    (link,) = [link for link in links if link.state == "bad"]
    said = f"{link.expected} {link.actual} {link.fix}"
    assert [word for word in words if word not in said] == [], said


def test_a_manifest_that_is_refused_comes_before_the_chain() -> None:
    """It is the cause, and what runs is the version before it, so that no link is judged."""
    links = examine(replace(HEALTHY, refused="Deployment/web: true must be text", label=None), Names())
    assert [link.name for link in links] == ["manifest", *LINKS]
    assert [link.name for link in links if link.state != "unknown"] == ["manifest"]
    assert (links[0].state, links[0].actual) == ("bad", "Deployment/web: true must be text")


MENDED = replace(HEALTHY, accesses=(replace(DENIED, granted=True), ALLOWED))
TRIED_OUT = replace(HEALTHY, accesses=(ALLOWED, replace(DENIED, scope="keyVault/yours")))
WAITING = replace(HEALTHY, pod="", mutated=None, token=None, exchange=None, accesses=())


@pytest.mark.parametrize(
    "facts", [HEALTHY, MENDED, TRIED_OUT, WAITING], ids=["running", "mended", "tried out", "a job that does not run"]
)
def test_a_healthy_chain_is_one_line(facts: Facts) -> None:
    """Nothing is bad, also if a role was given since, or a ready pod was refused something, or no pod runs."""
    said: list[str] = []
    assert show([Examined("web", tuple(examine(facts, Names())))], said.append)
    assert [line[:5] for line in said] == ["✓ web"]


def test_two_credentials_are_compared_with_the_nearest() -> None:
    """Of an identity's credentials the one that is most like the token is shown, and one that fits is enough."""
    other = Credential("https://pipeline.example/", "repo:one", AUDIENCE)
    fits = replace(HEALTHY, found=replace(WEB, credentials=(other, *WEB.credentials)))
    assert all(link.state == "good" for link in examine(fits, Names()))
    near = replace(WEB.credentials[0], subject="system:serviceaccount:shop:wbe")
    links = {link.name: link for link in examine(replace(fits, found=replace(WEB, credentials=(other, near))), Names())}
    assert isinstance(links["subject"], ChainLink)
    assert (links["issuer"].state, links["subject"].expected) == ("good", near.subject)


KEY = "azure.workload.identity/client-id"


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["azure.workload.identity/client_id"], "azure.workload.identity/client_id"),
        (["Azure.Workload.Identity/Client-Id"], "Azure.Workload.Identity/Client-Id"),
        (["azure-workload-identity/client-id", "app"], "azure-workload-identity/client-id"),
        ([KEY], ""),
        (["azure.workload.identity/tenant-id", "azure.workload.identity/use"], ""),
        ([], ""),
    ],
)
def test_a_key_that_is_nearly_right_is_found(keys: list[str], found: str) -> None:
    """One letter, another case, another sign; the webhook's other annotations are none of it."""
    assert misspelt(KEY, keys) == found
