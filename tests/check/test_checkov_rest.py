"""checkov over all that is no infrastructure. Every exception has its reason here, and an unneeded one fails too.

Manifests are given to it as a cluster gets them, each overlay rendered. What Bicep and Terraform deploy has tests of
its own, on what is evaluated: here their sources are searched for secrets, as every other file is.
"""

import shutil
import subprocess
from pathlib import Path

import yaml

from tests.check.checkov import reports
from tests.infra.manifests import APPLIED, rendered

ELSEWHERE = ("arm", "bicep", "terraform", "terraform_plan", "kubernetes", "kustomize")
"""Evaluated, which says more than the sources: test_infra_checkov.py, and below."""

NEEDS_A_NETWORK = (
    "sca_package",
    "sca_image",
    "github_configuration",
    "gitlab_configuration",
    "bitbucket_configuration",
)
"""Vulnerabilities are asked of a service, settings of a repository's host."""

FILES = {
    (
        "CKV_DOCKER_2",
        "tests/Dockerfile",
    ): "It runs the tests and ends; there is no service whose health could be asked.",
    **{
        (
            "CKV_DOCKER_7",
            str(path),
        ): "The base image is an argument, pinned by its digest; the check reads its name only."
        for path in sorted(Path().glob("*/Dockerfile"))
    },
    ("CKV_GHA_7", ".github/workflows/deploy.yml"): "The input is one of three verbs, and what is built is the commit.",
    ("CKV_SECRET_6", "localcloud/tests/test_blob_order.py"): "No secret: a code of Blob Storage's.",
    ("CKV_SECRET_6", "tests/infra/safeguards_of_bicep.py"): "No secret: the name of a setting.",
    (
        "CKV_SECRET_3",
        "localcloud/tests/conformance/targets/emulators.py",
    ): "The emulator's key, published by Microsoft.",
    ("CKV_SECRET_6", "localcloud/tests/conformance/targets/emulators.py"): "As the other.",
    ("CKV_SECRET_9", "localcloud/tests/test_servicebus_requests.py"): "A made-up token that has to be refused.",
}

MANIFESTS = {
    "CKV_K8S_15": "A tag is made from what the image is built from, so one that a node has already is the right one.",
    "CKV_K8S_43": "As CKV_K8S_15; a digest is known only after an image was built.",
}


def test_checkov_finds_the_justified_exceptions_in_the_files_and_nothing_else(tmp_path: Path) -> None:
    """Dockerfiles, workflows, secrets in any committed file: each failure has a reason above, each reason a failure."""
    committed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    for path in map(Path, committed.rstrip("\0").split("\0")):
        if path.is_file():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / path)
    found = reports(
        *("--directory", tmp_path, "--enable-secret-scan-all-files"),
        *("--framework", "all", "--skip-framework", *ELSEWHERE, *NEEDS_A_NETWORK),
    )
    assert found.keys() >= {"dockerfile", "github_actions", "secrets"}
    checks = [check for report in found.values() for check in report["results"]["failed_checks"]]
    assert {(check["check_id"], check["file_path"].lstrip("/")) for check in checks} == FILES.keys()


def test_checkov_finds_the_justified_exceptions_in_the_manifests_and_nothing_else(tmp_path: Path) -> None:
    """Each overlay is held to all checks on Kubernetes' objects but the two above, which each still needs."""
    for overlay in APPLIED:
        (tmp_path / f"{overlay}.yaml").write_text(yaml.safe_dump_all(rendered(overlay)))
    report = reports("--directory", tmp_path, "--framework", "kubernetes")["kubernetes"]
    assert report["summary"]["passed"] > 100 * len(APPLIED)
    found = {(Path(check["file_path"]).stem, check["check_id"]) for check in report["results"]["failed_checks"]}
    assert found == {(overlay, check) for overlay in APPLIED for check in MANIFESTS}
