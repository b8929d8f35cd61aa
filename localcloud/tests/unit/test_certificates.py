"""The local cloud's certificate authority: what of it leaves the state folder."""

import ssl
from pathlib import Path

from localcloud.network.certificates import Certificates


def test_what_is_published_verifies_and_holds_no_key(tmp_path: Path) -> None:
    """Clients elsewhere get the certificate that their TLS needs, and not the key that could sign another."""
    certificates = Certificates(tmp_path / "tls")
    certificates.publish(tmp_path / "ca.pem")
    published = (tmp_path / "ca.pem").read_text()
    assert published == certificates.bundle.read_text()
    assert "PRIVATE KEY" not in published
    assert ssl.create_default_context(cafile=tmp_path / "ca.pem").cert_store_stats()["x509_ca"] == 1
