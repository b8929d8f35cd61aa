"""The local cloud's own certificate authority, and one certificate for all the names it answers under.

The CA stays the same for a state folder, so a client that trusts it once trusts it after a restart.
"""

import os
import ssl
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12


class Certificates:
    """`bundle` is the file that clients trust: the CA in PEM, and nothing else. `truststore` is the same for a JVM."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.bundle = folder / "ca.pem"
        self._ca = _load_or_create(self.bundle, folder / "ca-key.pem")
        self.truststore = folder / "ca.p12"
        self.truststore.write_bytes(_truststore(self._ca))

    def publish(self, file: Path) -> None:
        """Write the CA's certificate, without its key, to a file that every user of this machine may read."""
        self._ca.cert_pem.write_to_path(str(file))
        file.chmod(0o644)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """TLS settings for a server that answers under these host names and addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """TLS settings for a client that trusts this CA alone."""
        return ssl.create_default_context(cafile=str(self.bundle))


def _load_or_create(certificate: Path, key: Path) -> trustme.CA:
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    ca = trustme.CA(organization_name="localcloud", organization_unit_name="this machine only")
    with open(os.open(key, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        file.write(ca.private_key_pem.bytes())
    ca.cert_pem.write_to_path(str(certificate))
    return ca


def _truststore(ca: trustme.CA) -> bytes:
    """A PKCS #12 file with the CA as an entry that Java trusts. It has no password, because it holds no secret."""
    certificate = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    entry = pkcs12.PKCS12Certificate(certificate, b"localcloud")
    return pkcs12.serialize_java_truststore([entry], NoEncryption())
