"""The cluster's authority, and who each of its programs is by certificate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.cluster.kubernetes.plan import Plan
from tests.cluster.ports import LOOPBACK

ADMIN = "admin"
API_SERVER = "kube-apiserver"
KUBELET = "kubelet"
CONTROLLERS = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
PROXY = "kube-proxy"
# Those that ask the API server for something, each by a kubeconfig of its own.
CLIENTS = (ADMIN, KUBELET, CONTROLLERS, SCHEDULER, PROXY)
AUTHORITY = "ca"
VALID = timedelta(days=30)

Names = Mapping[x509.ObjectIdentifier, str]


@dataclass(frozen=True)
class Identity:
    """A key, and the certificate that says whose it is."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    def write(self, folder: Path, name: str) -> None:
        """Write both; Java's client of Kubernetes reads keys of this format only."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        (folder / f"{name}.key").write_bytes(key)
        (folder / f"{name}.crt").write_bytes(self.certificate.public_bytes(Encoding.PEM))


def write_certificates(plan: Plan) -> None:
    """Make the authority and all identities, and write them to the folder of configuration."""
    authority = _authority()
    authority.write(plan.conf, AUTHORITY)
    for name, names in _names(plan).items():
        _identity(authority, names, _hosts(plan, name)).write(plan.conf, name)


def _names(plan: Plan) -> Mapping[str, Names]:
    """What the API server takes groups and users from."""
    group, user = NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME
    components = {name: {user: f"system:{name}"} for name in (CONTROLLERS, SCHEDULER, PROXY)}
    return {
        ADMIN: {group: "system:masters", user: ADMIN},
        API_SERVER: {user: API_SERVER},
        KUBELET: {group: "system:nodes", user: f"system:node:{plan.node}"},
        **components,
    }


def _hosts(plan: Plan, name: str) -> list[x509.GeneralName]:
    """What a server is reached by; clients have none."""
    service = "kubernetes.default.svc"
    names = {
        API_SERVER: ("localhost", "kubernetes", "kubernetes.default", service, f"{service}.cluster.local"),
        KUBELET: (plan.node,),
    }.get(name, ())
    addresses = {API_SERVER: (LOOPBACK, plan.node_address, plan.api_service), KUBELET: (plan.node_address,)}
    found = [x509.IPAddress(ip_address(address)) for address in addresses.get(name, ())]
    return [*(x509.DNSName(host) for host in names), *found]


def _authority() -> Identity:
    key, name = _key(), _name({NameOID.COMMON_NAME: "aurify-kube"})
    builder = _builder(key, name, name).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Identity(key, builder.sign(key, SHA256()))


def _identity(authority: Identity, names: Names, hosts: list[x509.GeneralName]) -> Identity:
    key = _key()
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = _builder(key, _name(names), authority.certificate.subject).add_extension(uses, critical=False)
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return Identity(key, builder.sign(authority.key, SHA256()))


def _builder(key: RSAPrivateKey, subject: x509.Name, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    dated = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + VALID)
    return dated.serial_number(x509.random_serial_number())


def _name(names: Names) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, name) for kind, name in names.items()])


def _key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)
