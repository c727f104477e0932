"""TLS and users for a node on loopback: an authority of its own, and one user."""

import base64
import ssl
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from demo.java import java_home

_OPENSSL = ("openssl", "req", "-newkey", "rsa:2048", "-nodes")


@dataclass(frozen=True)
class Security:
    """A user with all rights, and the authority that signed the node's certificate."""

    username: str
    password: str = field(repr=False)
    authority: str
    certificate: str = field(repr=False)
    key: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The header of a request by this user."""
        user = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(user).decode()}"

    @property
    def client_context(self) -> ssl.SSLContext:
        """Trusts this authority only."""
        return ssl.create_default_context(cadata=self.authority)

    def write(self, config: Path) -> dict[str, object]:
        """Write certificates and the user below the node's configuration; gives its settings."""
        (config / "authority.pem").write_text(self.authority)
        (config / "node.pem").write_text(self.certificate)
        (config / "node-key.pem").write_text(self.key)
        users = config / "opensearch-security/internal_users.yml"
        users.write_text(
            "_meta:\n  type: internalusers\n  config_version: 2\n"
            f"{self.username}:\n  hash: {_bcrypt(config, self.password)!r}\n"
            "  backend_roles: [admin]\n"
        )
        files = {"pemcert": "node.pem", "pemkey": "node-key.pem", "pemtrustedcas": "authority.pem"}
        settings: dict[str, object] = {
            f"plugins.security.ssl.{layer}.{name}_filepath": file
            for layer in ("transport", "http")
            for name, file in files.items()
        }
        return {
            **settings,
            "plugins.security.ssl.http.enabled": True,
            "plugins.security.allow_default_init_securityindex": True,
        }


def make_security(username: str, password: str) -> Security:
    """An authority, and a certificate of it for 127.0.0.1; both live for a day."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        authority = ("-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=loopback authority")
        _run(here, *_OPENSSL, "-x509", "-days", "1", *authority)
        _run(here, *_OPENSSL, "-keyout", "key.pem", "-out", "node.csr", "-subj", "/CN=node")
        (here / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        signed_by = ("-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial")
        _run(
            here, "openssl", "x509", "-req", "-in", "node.csr", *signed_by, "-days", "1",
            "-extfile", "names", "-out", "node.pem",
        )  # fmt: skip
        return Security(
            username,
            password,
            (here / "ca.pem").read_text(),
            (here / "node.pem").read_text(),
            (here / "key.pem").read_text(),
        )


def _bcrypt(config: Path, password: str) -> str:
    """The hash that the plugin's own tool makes; the password does not show in the process list."""
    tool = config.parent / "plugins/opensearch-security/tools/hash.sh"
    done = subprocess.run(
        ["bash", str(tool), "-env", "NODE_PASSWORD"],
        env={"PATH": "/usr/bin:/bin", "JAVA_HOME": java_home(), "NODE_PASSWORD": password},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().splitlines()[-1]


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
