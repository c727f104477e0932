"""An HTTPS proxy on loopback that is every host itself: tells which ones a client calls."""

import datetime
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_OBJECT = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: "a"\r\n'
    b"Last-Modified: Mon, 23 Nov 2026 00:00:00 GMT\r\nConnection: close\r\n\r\n"
)
_DENIED = (
    b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n"
    b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
)


class Request(NamedTuple):
    """What came through: the host as the proxy was asked for it, and the path without a query."""

    host: str
    path: str


class Proxy(NamedTuple):
    """Where it listens, the authority to trust, and what it has seen."""

    url: str
    authority: Path
    requests: list[Request]


@contextmanager
def tls_proxy(folder: Path, hosts: list[str]) -> Iterator[Proxy]:
    """Answer as any of these hosts: an object of three octets for GET, a refusal for POST."""
    authority, chain = _certificates(folder, hosts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    requests: list[Request] = []

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            host = _head(self.rfile)[0].split()[1].removesuffix(":443")
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with context.wrap_socket(self.connection, server_side=True) as inner:
                stream = inner.makefile("rb")
                request, octets = _head(stream)
                method, target = request.split()[:2]
                # All of it: a connection that is closed before is reset, and the client asks again.
                stream.read(octets)
                requests.append(Request(host, target.partition("?")[0]))
                inner.sendall(_DENIED if method == "POST" else _OBJECT)
                if method == "GET":
                    inner.sendall(b"abc")

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield Proxy(f"http://127.0.0.1:{server.server_address[1]}", authority, requests)
        server.shutdown()


def _head(stream: BufferedIOBase) -> tuple[str, int]:
    """The first line of a request, read with all of its headers, and the octets of its body."""
    lines = iter(stream.readline, b"")
    first, octets = next(lines).decode(), 0
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            octets = int(value)
        if not line.strip():
            break
    return first, octets


def _certificates(folder: Path, hosts: list[str]) -> tuple[Path, Path]:
    """An authority, and a certificate of all hosts with its key."""
    now = datetime.datetime.now(datetime.UTC)

    def signed(
        name: str, key: ec.EllipticCurvePrivateKey, by: tuple[str, ec.EllipticCurvePrivateKey]
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by[0])]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    root, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    by = "authority of the test", root
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    authority = (
        signed(by[0], root, by)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root, hashes.SHA256())
    )
    certificate = (
        signed("hosts of the test", leaf, by)
        .add_extension(names, critical=False)
        .sign(root, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "authority.pem").write_bytes(authority.public_bytes(pem))
    (folder / "host.pem").write_bytes(
        certificate.public_bytes(pem)
        + leaf.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "authority.pem", folder / "host.pem"
