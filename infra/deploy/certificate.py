"""The Gateway's certificate: the secret `gateway-certificate` of the vault, written through the control plane.

The control plane takes a secret from everywhere and without a role on the vault's data. It takes no Key Vault
certificate. The add-on reads the secret in either case: its URI ends in the name, and it asks for the secret
(`parseKeyVaultCertURI` in https://github.com/Azure/aks-app-routing-operator).
"""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.deploy.azure import Azure
from infra.deploy.programs import Failed, say
from infra.deploy.record import Deployment

SECRET = "gateway-certificate"  # noqa: S105 - the secret's name
_PEM = "application/x-pem-file"
_DAYS = 90


def read(file: Path, hostname: str) -> str:
    """Return a PEM file's text: the private key, then the certificate of this host name and its chain.

    Raises `Failed` if the file is not that, or the certificate is no longer valid.
    """
    try:
        text = file.read_text()
        key = serialization.load_pem_private_key(text.encode(), None)
        first = x509.load_pem_x509_certificates(text.encode())[0]
        names = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise Failed(
            f"{file} is no PEM file of a private key without a password and its certificate: {error}"
        ) from error
    if first.public_key() != key.public_key():
        raise Failed(f"The private key of {file} does not belong to its first certificate.")
    if not {hostname, f"*.{hostname.partition('.')[2]}"} & set(names.get_values_for_type(x509.DNSName)):
        raise Failed(f"The certificate of {file} is not for {hostname}.")
    if first.not_valid_after_utc <= datetime.datetime.now(datetime.UTC):
        raise Failed(f"The certificate of {file} was valid until {first.not_valid_after_utc:%Y-%m-%d}.")
    return text


def self_signed(hostname: str) -> str:
    """Return the PEM text of a new key and a certificate of its own for this host name, valid for 90 days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, hostname)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (encoded + certificate.public_bytes(serialization.Encoding.PEM)).decode()


def store(azure: Azure, deployment: Deployment, given: str) -> None:
    """Store the certificate that is given. Without one, keep the one in the vault, or store a self-signed one."""
    if given:
        azure.put_secret(deployment, SECRET, given, _PEM, {})
        say(f"✓ the certificate of {deployment.hostname} is in the vault")
    elif SECRET not in azure.vault_secrets(deployment):
        azure.put_secret(deployment, SECRET, self_signed(deployment.hostname), _PEM, {})
        say(
            f"✓ a self-signed certificate of {deployment.hostname} is in the vault, which browsers warn of:"
            " `make deploy CERTIFICATE=file.pem` stores another"
        )
