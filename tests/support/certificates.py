"""Certificates for tests."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def self_signed(folder: Path, host: str) -> tuple[Path, Path]:
    """The files of a new key, and of a certificate for a host name that it signed itself, made with openssl."""
    key, certificate = folder / f"{host}.key", folder / f"{host}.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={host}"]
    files = ["-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return key, certificate


class Authority:
    """A CA of its own, and certificates that it issues."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = folder / f"{name}.crt"
        self._write(self.certificate, self._sign(self._name, self._key, x509.BasicConstraints(True, None), None, 2))

    def issue(self, name: str, *, days: int = 2, file: str = "") -> tuple[Path, Path]:
        """The files of a new key, and of a certificate for a host name, an address or a user.

        It is valid until ``days`` from now; a negative number makes one that has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        try:
            alternative: x509.GeneralName = x509.IPAddress(ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        certificate = self._sign(subject, key, x509.BasicConstraints(False, None), alternative, days)
        key_file, certificate_file = self.folder / f"{file or name}.key", self.folder / f"{file or name}.crt"
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
        self._write(certificate_file, certificate)
        return key_file, certificate_file

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        constraints: x509.BasicConstraints,
        alternative: x509.GeneralName | None,
        days: int,
    ) -> x509.Certificate:
        end = datetime.now(timezone.utc) + timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - timedelta(days=4))
            .not_valid_after(end)
            .add_extension(constraints, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if alternative is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        else:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        return builder.sign(self._key, hashes.SHA256())

    @staticmethod
    def _write(file: Path, certificate: x509.Certificate) -> None:
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
