"""The pytest plugin as another application's tests use it: each inner test has the outcome that it should have."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

pytest_plugins = ["pytester"]

ACCESS = """
entities:
  keyVault: {api-key: {}, billing-key: {}}
  cosmos: {items: {database: shop, partitionKey: /pk}}
  serviceBus: {topics: {events: {}}}
workloads:
  api:
    namespace: shop
    serviceAccount: api
    grants:
      - {role: Key Vault Secrets User, scope: keyVault/api-key}
      - {role: Cosmos DB Built-in Data Reader, scope: cosmos/items}
  other: {namespace: shop, serviceAccount: other}
"""
CONFTEST = """
import pytest
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient


@pytest.fixture(autouse=True, scope="session")
def secrets(localcloud_running):
    localcloud_running.set_secret("api-key", "open sesame")
    localcloud_running.set_secret("billing-key", "for the bank")


@pytest.fixture
def get(cloud):
    def get(name, workload="api"):
        with cloud.acting_as(workload), WorkloadIdentityCredential() as credential:
            return SecretClient(cloud.vault_url, credential).get_secret(name).value

    return get
"""
# Each inner test, and what becomes of it: `passed`, or what its failure says.
TESTS = {
    "reads_what_it_is_granted": ("assert get('api-key') == 'open sesame'", "passed"),
    "says_which_name_the_settings_have": ("assert cloud.vault_url == 'https://contoso.vault.azure.net'", "passed"),
    "expects_a_denial": (
        """
        with cloud.expects_denials() as denials, pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
            get("billing-key")
        (access,) = denials.accesses
        assert (access.workload, access.scope, access.reason) == ("api", "keyVault/billing-key", "no grant")
        assert access.action == "Microsoft.KeyVault/vaults/secrets/getSecret/action"
        """,
        "passed",
    ),
    "is_denied_and_does_not_say_so": (
        """
        with pytest.raises(HttpResponseError):
            get("billing-key")
        """,
        "the cloud denied what the test does not expect:\n"
        "  api: Microsoft.KeyVault/vaults/secrets/getSecret/action on keyVault/billing-key (no grant)",
    ),
    "fails_and_is_told_of_the_denial": (
        "get('billing-key')",
        "ForbiddenByRbac\nthe cloud denied what the test does not expect",
    ),
    "expects_a_denial_that_does_not_come": (
        """
        with cloud.expects_denials():
            get("api-key")
        """,
        "a denial is expected here, and nothing was denied",
    ),
    "is_refused_a_token": (
        """
        with cloud.acting_as("api"), WorkloadIdentityCredential() as credential:
            with pytest.raises(ClientAuthenticationError):
                credential.get_token("https://elsewhere.example/.default")
        """,
        "api: AADSTS500011",
    ),
    "expects_that_a_token_is_refused": (
        """
        with cloud.acting_as("api"), WorkloadIdentityCredential() as credential:
            with cloud.expects_denials() as denials, pytest.raises(ClientAuthenticationError):
                credential.get_token("https://elsewhere.example/.default")
        assert [exchange.result for exchange in denials.exchanges] == ["AADSTS500011"]
        """,
        "passed",
    ),
    "loses_a_role_for_a_block": (
        """
        with cloud.revoke("api", "Key Vault Secrets User"):
            with cloud.expects_denials(), pytest.raises(HttpResponseError):
                get("api-key")
        assert get("api-key")
        """,
        "passed",
    ),
    "loses_a_role_for_the_rest": (
        """
        cloud.revoke("api", "Key Vault Secrets User", "keyVault/api-key")
        with cloud.expects_denials(), pytest.raises(HttpResponseError):
            get("api-key")
        """,
        "passed",
    ),
    "has_it_again_in_the_next_test": ("assert get('api-key')", "passed"),
    "loses_one_action_of_a_role": (
        """
        with cloud.revoke("api", "Key Vault Secrets User", action=GET):
            with cloud.expects_denials(), pytest.raises(HttpResponseError):
                get("api-key")
            with cloud.acting_as("api"), WorkloadIdentityCredential() as credential:
                assert list(SecretClient(cloud.vault_url, credential).list_properties_of_secret_versions("api-key"))
        """,
        "passed",
    ),
    "is_granted_a_role": (
        """
        with cloud.grant("other", "Key Vault Secrets User", "keyVault/billing-key"):
            assert get("billing-key", "other") == "for the bank"
        with cloud.expects_denials(), pytest.raises(HttpResponseError):
            get("billing-key", "other")
        """,
        "passed",
    ),
    "undoes_changes_in_any_order": (
        """
        first = cloud.grant("other", "Key Vault Secrets User", "keyVault/billing-key")
        second = cloud.revoke("api", "Key Vault Secrets User")
        with first:
            pass
        with cloud.expects_denials(), pytest.raises(HttpResponseError):
            get("api-key")
        with second:
            pass
        assert get("api-key")
        """,
        "passed",
    ),
    "takes_back_what_a_later_change_rests_on": (
        """
        with cloud.grant("other", "Key Vault Secrets User", "keyVault/billing-key"):
            cloud.revoke("other", "Key Vault Secrets User", action=GET)
        with cloud.revoke("api", "Key Vault Secrets User"):
            pass
        assert get("api-key")
        """,
        "passed",
    ),
    "acts_as_a_workload_that_there_is_not": (
        "with cloud.acting_as('app'):\n    pass",
        "the access model has no workload app. It has: api, other",
    ),
    "enforces_another_model": (
        """
        model = {"entities": {}, "workloads": {"api": {"namespace": "shop", "serviceAccount": "api"}}}
        with cloud.enforce(model), cloud.expects_denials(), pytest.raises(HttpResponseError):
            get("api-key")
        assert get("api-key")
        """,
        "passed",
    ),
    "names_a_role_that_is_not_granted": (
        "cloud.revoke('api', 'Contributor')",
        "api is not granted Contributor. It is granted: Key Vault Secrets User on keyVault/api-key",
    ),
    "names_a_role_that_there_is_not": (
        "cloud.grant('api', 'Key Vault Secret User', 'keyVault/api-key')",
        "Do you mean 'Key Vault Secrets User'",
    ),
    "names_a_workload_that_there_is_not": (
        "cloud.grant('app', 'Reader', 'keyVault/api-key')",
        "the access model has no workload app. It has: api, other",
    ),
    "names_an_entity_that_there_is_not": (
        "cloud.grant('api', 'Reader', 'keyVault/absent')",
        "there is no entity 'keyVault/absent'",
    ),
    "names_an_action_that_the_role_does_not": (
        "cloud.revoke('api', 'Key Vault Secrets User', action='x')",
        "the role Key Vault Secrets User does not name the action x",
    ),
    "reads_the_trail": (
        """
        assert cloud.accesses() == []
        get("api-key")
        (access,) = cloud.accesses("api")
        assert (access.action, access.scope, access.allowed, access.pod) == (GET, "keyVault/api-key", True, "api-0")
        assert cloud.accesses("other") == []
        """,
        "passed",
    ),
    "runs_a_program_as_a_workload": (
        """
        program = (
            "import os\\n"
            "from azure.identity import WorkloadIdentityCredential as C\\n"
            "from azure.keyvault.secrets import SecretClient\\n"
            "print(SecretClient(os.environ['AZURE_KEYVAULT_RESOURCEENDPOINT'], C()).get_secret('api-key').value)"
        )
        environment = {"PATH": os.environ["PATH"], **cloud.environment("api")}
        ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert ran.stdout == "open sesame\\n", ran.stderr
        """,
        "passed",
    ),
    "sees_nothing_of_the_cloud_elsewhere": ("pass", "passed"),
}
HEAD = """
import os, subprocess, sys
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient

GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"


def test_without_the_cloud():
    assert "contoso" not in os.environ.get("AZURE_KEYVAULT_RESOURCEENDPOINT", "")
    assert os.environ.get("AZURE_CLIENT_ID") is None
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> str:
    """What pytest says of all inner tests, which share one cloud."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "access.yaml").write_text(ACCESS)
    (folder / "pytest.ini").write_text("[pytest]\nlocalcloud_name = contoso\n")
    (folder / "conftest.py").write_text(CONFTEST)
    bodies = [
        f"def test_{name}(cloud, get):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
        for name, (body, _outcome) in TESTS.items()
    ]
    (folder / "test_inner.py").write_text("\n\n".join((HEAD, *bodies)))
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "HTTP"))}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "-p", "no:xdist", str(folder)],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("name", TESTS)
def test_a_test_with_the_cloud_ends_as_it_should(said: str, name: str) -> None:
    """It passes, or it fails with the sentence that says why."""
    outcome = TESTS[name][1]
    if outcome == "passed":
        assert f"PASSED test_inner.py::test_{name}\n" in said, said
        return
    assert f"FAILED test_inner.py::test_{name} " in said, said
    section = re.split(r"^_{5,} (\w+) _{5,}$", said, flags=re.MULTILINE)
    failure = section[section.index(f"test_{name}") + 1]
    assert [line for line in outcome.splitlines() if line.strip() not in failure] == []


def test_a_test_without_the_cloud_is_left_alone(said: str) -> None:
    """The process has a workload's variables during its tests alone."""
    assert "PASSED test_inner.py::test_without_the_cloud\n" in said


def test_the_plugin_starts_no_cloud_by_itself(pytester: pytest.Pytester) -> None:
    """Tests that ask for none are as fast as without it: what starts a cloud is not even imported."""
    pytester.makepyfile(
        "import sys\n\ndef test_nothing():\n    assert 'localcloud.testing.in_process' not in sys.modules\n"
    )
    pytester.runpytest_subprocess("-p", "no:xdist").assert_outcomes(passed=1)


def test_a_missing_access_file_is_named(pytester: pytest.Pytester) -> None:
    """The sentence says which file, and the test is an error."""
    pytester.makeini("[pytest]\nlocalcloud_access = absent.yaml\n")
    pytester.makepyfile("def test_something(cloud):\n    pass\n")
    result = pytester.runpytest_subprocess("-p", "no:xdist")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*AccessFileError: the access model *absent.yaml can't be read*"])
