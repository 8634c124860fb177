"""The certificates that this machine trusts, for a Java that came as a package and knows only its own."""

from __future__ import annotations

import hashlib
import ssl
import struct
from collections.abc import Sequence
from pathlib import Path

from aurify.session.java import PACKAGED, Java

PASSWORD = "changeit"


def trust_options(java: Java, folder: Path) -> str:
    """The options of Java that make it trust what Python trusts; a Java of the machine is set up by the machine."""
    certificates = ssl.create_default_context().get_ca_certs(binary_form=True) if java.where == PACKAGED else []
    if not certificates:
        return ""
    store = folder / "trusted.jks"
    store.write_bytes(key_store(certificates))
    return f'"-Djavax.net.ssl.trustStore={store}" -Djavax.net.ssl.trustStorePassword={PASSWORD}'


def key_store(certificates: Sequence[bytes]) -> bytes:
    """DER certificates as a Java key store (JKS version 2); `keytool` would need one Java for each of them."""
    parts = [struct.pack(">III", 0xFEEDFEED, 2, len(certificates))]
    for at, certificate in enumerate(certificates):
        alias = _text(f"certificate {at}")
        parts += [struct.pack(">I", 2), alias, struct.pack(">Q", 0), _text("X.509")]
        parts += [struct.pack(">I", len(certificate)), certificate]
    content = b"".join(parts)
    salt = PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite"
    return content + hashlib.sha1(salt + content).digest()


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack(">H", len(encoded)) + encoded
