"""The doctor on a real API server, with recorded answers of az: on each lab it names the same link as on the laptop."""

import copy
import json
import shlex
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import yaml
from localcloud.authorization.model import AccessModel, client_id
from localcloud.authorization.workload import Grant
from localcloud.doctor.azure import Azure, CommandFailed, Deployed
from localcloud.doctor.chain import examine
from localcloud.doctor.link import ChainLink

from demo.lab.lab import ISSUER, Change, Lab, load, names
from demo.stack import ROOT
from tests.cluster.api_server import ApiServer
from tests.cluster.pods import DEFAULT_ACCOUNT, pod
from tests.cluster.recorded_az import Az
from tests.cluster.webhook import serving
from tests.infra.manifests import of_kind, outputs, rendered

MODEL: dict[str, Any] = yaml.safe_load((ROOT / "infra/access.yaml").read_text())
OUTPUTS = outputs("aks")
SERVED = ("frontend", "backend")
LOGS = {  # what the pods of these labs log on a laptop: there is no kubelet here, and so no log
    "proxy-in-the-way": "ServiceRequestError: ('Unable to connect to proxy', NewConnectionError('…'))",
    "authority-not-trusted": "ServiceRequestError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
    "token-expired": "(invalid_client) AADSTS700024: Client assertion is not within its valid time range. Trace ID: 1",
    "cluster-key-rotated": "(invalid_client) AADSTS7000272: The certificate with identifier a could not be found.",
    "issuer-unreachable": "(invalid_request) AADSTS90061: Request to External OIDC endpoint failed. Trace ID: 1",
}
NOT_SEEN = {
    "label-unquoted": "the API server refuses it, so that the cluster stays as it was",
    "keda-identity-missing": "this API server runs no KEDA",
    **dict.fromkeys(
        ("binding-missing", "binding-without-annotation", "cluster-role-missing"),
        "the doctor reads no identity bindings on Azure yet",
    ),
}
SEEN = [name for name in names() if name not in NOT_SEEN]


class Hospital:
    """The cluster with the application's manifests, and a pod of each Deployment as a controller would make it."""

    def __init__(self, api: ApiServer) -> None:
        self.api = api
        self.az = az_of(api, Change())
        self.log: dict[str, str] = {}
        self.commands: list[Sequence[str]] = []
        self._read: dict[tuple[str, ...], str] = {}

    def kubectl(self, *arguments: str, given: Any = None) -> str:
        """Changes the cluster."""
        self._read.clear()
        done = self.api.kubectl(*arguments, given=given)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def admit(self) -> None:
        """All objects anew, as they are written, and their pods."""
        for kind in ("deployments", "serviceaccounts"):
            self.kubectl("delete", kind, "--namespace=keyless", "--all", "--cascade=background")
        assert self.api.apply([*rendered("aks"), DEFAULT_ACCOUNT]).returncode == 0
        self.replace_pods()

    def replace_pods(self) -> None:
        """Pods of the Deployments as they are now: the webhook sees them."""
        self.kubectl("delete", "pods", "--namespace=keyless", "--all", "--grace-period=0", "--force")
        for name in SERVED:
            deployment = json.loads(self.kubectl("get", "deployment", name, "--namespace=keyless", "--output=json"))
            self.kubectl("create", "--filename=-", given=pod("keyless", f"{name}-1", deployment["spec"]["template"]))

    def patch(self, change: Change) -> None:
        """Make the lab's change of the manifests, with the cluster's own ids in place of the laptop's."""
        for each in change.manifests:
            target, operations = each["target"], for_cluster(json.dumps(each["patch"]))
            named = (target["kind"].lower(), target["name"], "--namespace=keyless")
            self.kubectl("patch", *named, "--type=json", f"--patch={operations}")
        if change.manifests:
            self.replace_pods()

    def run(self, command: Sequence[str]) -> str:
        """As the doctor runs commands."""
        self.commands.append(command)
        match command:
            case ["az", *_]:
                return self.az(command)
            case ["kubectl", "logs", name, *_]:
                return self.log.get(name, "")
        key = tuple(command)
        if key not in self._read:
            done = self.api.kubectl(*command[1:])
            if done.returncode:
                raise CommandFailed(done.stderr)
            self._read[key] = done.stdout
        return self._read[key]

    def broken(self) -> dict[tuple[str, str], ChainLink]:
        """The broken links, by workload and name."""
        azure = Azure(Deployed("keyless", "keyless-rg"), AccessModel.model_validate(MODEL), self.run)
        examined = [(facts.workload, link) for facts in azure.facts() for link in examine(facts, azure.remedies)]
        assert {workload for workload, _link in examined} == {"frontend", "backend", "redrive", "repair"}
        return {(workload, link.name): link for workload, link in examined if link.state == "bad"}


def for_cluster(text: str) -> str:
    """A lab's text with this cluster's client ids."""
    for name in MODEL["workloads"]:
        text = text.replace(client_id(name), OUTPUTS[f"{name}ClientId"])
    return text


def az_of(api: ApiServer, change: Change) -> Az:
    """What az answers of Azure after the change."""
    issuers = {ISSUER: api.issuer, ISSUER.rstrip("/"): api.issuer.rstrip("/")}
    model = change.applied(MODEL)
    for workload in model["workloads"].values():
        for credential in workload.get("federatedCredentials", ()):
            credential["issuer"] = issuers.get(credential["issuer"], credential["issuer"])
    renewed = [(each.workload, Grant(role=each.role, scope=each.scope)) for each in change.renew]
    checked = AccessModel.model_validate(model)
    return Az(checked, OUTPUTS, api.issuer, now=time.time(), new=renewed, secrets=change.secrets)


@pytest.fixture(scope="module")
def admitted(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with serving(api, tmp_path_factory.mktemp("webhook"), f"--tenant={OUTPUTS['tenantId']}"):
        hospital = Hospital(api)
        hospital.admit()
        yield hospital
        hospital.kubectl("delete", "pods", "--namespace=keyless", "--all", "--grace-period=0", "--force")


@pytest.fixture
def hospital(admitted: Hospital) -> Iterator[Hospital]:
    yield admitted
    admitted.az, admitted.log = az_of(admitted.api, Change()), {}


def causes(lab: Lab) -> set[tuple[str, str]]:
    """Where the doctor looks for it on Azure: the token's times stand in the token, so Entra's answer counts there."""
    link = "exchange" if lab.link == "token's times" else lab.link
    return {(workload, link) for workload in (lab.workload, *lab.also)}


def test_a_healthy_application_is_only_read(hospital: Hospital) -> None:
    """No link is broken, and every command of the doctor's lists or gets."""
    hospital.commands.clear()
    assert hospital.broken() == {}
    assert [each for each in hospital.commands if not {"get", "list", "list-deleted", "logs"} & set(each)] == []


@pytest.mark.parametrize("name", SEEN)
def test_the_doctor_names_the_cause_of_each_lab(hospital: Hospital, name: str) -> None:
    """That and nothing else. If kubectl mends it, the command that the doctor prints does, as it is written."""
    lab = load(name)
    hospital.az = az_of(hospital.api, lab.change)
    hospital.log = {f"{workload}-1": LOGS[name] for workload in (lab.workload, *lab.also) if name in LOGS}
    hospital.patch(lab.change)
    try:
        broken = hospital.broken()
        assert broken.keys() == causes(lab), broken
        fix = next(iter(broken.values())).fix
        if lab.change.manifests and fix.startswith("kubectl") and name not in LOGS:
            hospital.az = az_of(hospital.api, Change())
            program, *words = shlex.split(fix.partition("; then")[0].partition(", and ")[0])
            assert program == "kubectl"
            hospital.kubectl(*words)
            hospital.replace_pods()
            assert hospital.broken() == {}
    finally:
        if lab.change.manifests:
            hospital.admit()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("create",), "cannot unmarshal bool into Go struct field"),
        (("apply", "--server-side"), "expected string, got &value.valueUnstructured{Value:true}"),
    ],
)
def test_a_label_without_quotes_is_refused_by_the_api_server(
    hospital: Hospital, command: tuple[str, ...], words: str
) -> None:
    """With the words that the lab quotes; the cluster stays as it was, so that the doctor finds nothing."""
    deployment = copy.deepcopy(of_kind("aks", "Deployment")[0])
    deployment["spec"]["template"]["metadata"]["labels"]["azure.workload.identity/use"] = True
    refused = hospital.api.kubectl(*command, "--filename=-", given=deployment)
    assert refused.returncode == 1
    assert words in refused.stderr
    assert words in " ".join(load("label-unquoted").explanation.split())
    assert hospital.broken() == {}
