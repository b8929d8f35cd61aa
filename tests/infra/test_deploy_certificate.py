"""The Gateway's certificate goes into the vault through the control plane, as a part of the deployment."""

from pathlib import Path

import pytest
from cryptography import x509

from infra.deploy.certificate import self_signed
from tests.infra.deploying import Checkout

EXPOSED = ("--location", "westeurope", "--profile", "production", "--hostname", "orders.example.com")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def stored(checkout: Checkout) -> list[str]:
    """Every version of the certificate in the vault."""
    (vault,) = checkout.cloud["vaults"].values()
    return list(vault["secrets"].get("gateway-certificate", []))


def test_a_private_vault_gets_a_certificate_without_a_role_on_its_data(checkout: Checkout) -> None:
    """The first run stores a self-signed one and says so; a repeat keeps it; one that is given takes its place."""
    first = checkout.succeed("up", *EXPOSED)
    assert "a self-signed certificate of orders.example.com is in the vault" in first.output
    [made] = stored(checkout)
    name = x509.load_pem_x509_certificate(made[made.index("-----BEGIN CERT") :].encode())
    assert name.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
        x509.DNSName
    ) == ["orders.example.com"]
    checkout.succeed("up")
    assert stored(checkout) == [made]
    file = checkout.root / "mine.pem"
    file.write_text(self_signed("orders.example.com"))
    checkout.succeed("up", "--certificate", str(file))
    assert stored(checkout) == [made, file.read_text()]
    assert not [call for call in checkout.calls("az") if call[1:3] == ["keyvault", "certificate"]]
    file.unlink()
    for line in (line for text in stored(checkout) for line in text.splitlines() if not line.startswith("-----")):
        assert line.encode() not in checkout.files()


def test_nothing_is_stored_without_a_host_name(checkout: Checkout) -> None:
    """A certificate without a host name is refused, before anything is made."""
    file = checkout.root / "mine.pem"
    file.write_text(self_signed("orders.example.com"))
    refused = checkout.run("up", *EXPOSED[:2], "--certificate", str(file))
    assert refused.code == 1
    assert "A CERTIFICATE is for a HOSTNAME" in refused.errors
    assert checkout.untouched


_TWO = self_signed("orders.example.com"), self_signed("orders.example.com")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no PEM", "is no PEM file of a private key"),
        (_TWO[0].split("-----BEGIN CERT")[0], "is no PEM file of a private key"),
        (
            _TWO[0].split("-----BEGIN CERT")[0] + "-----BEGIN CERT" + _TWO[1].split("-----BEGIN CERT")[1],
            "does not belong",
        ),
        (self_signed("other.example.com"), "is not for orders.example.com"),
        (self_signed("*.other.example.com"), "is not for orders.example.com"),
    ],
    ids=["no PEM", "no certificate", "another key", "another name", "another domain"],
)
def test_a_file_that_is_no_certificate_of_the_host_is_refused(checkout: Checkout, text: str, sentence: str) -> None:
    """Before anything is made, in a sentence that has nothing of the key in it."""
    file = checkout.root / "mine.pem"
    file.write_text(text)
    refused = checkout.run("up", *EXPOSED, "--certificate", str(file))
    assert refused.code == 1
    assert sentence in refused.errors
    assert "Traceback" not in refused.errors
    assert checkout.untouched
