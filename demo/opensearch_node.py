"""A real OpenSearch node on loopback, from the zip that `make setup` fetched."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo.java import java_home
from demo.opensearch_security import Security

JARS = Path(__file__).resolve().parent.parent / "jars"
_PATIENCE_S = 120
# The server refuses to run as root; any account that owns nothing will do.
_UNPRIVILEGED = "nobody"


class NodeFailed(Exception):
    """The node did not come up; the message holds the end of its log."""


class Node:
    """One server in a folder of its own; its URL and its data survive a restart."""

    def __init__(
        self, home: Path, settings: Mapping[str, object], security: Security | None
    ) -> None:
        self._home, self._security = home, security
        scheme = "https" if security else "http"
        port = _free_port()
        self.url = f"{scheme}://127.0.0.1:{port}"
        _unpack(home)
        extra: dict[str, object] = {}
        if security:
            _install(home, find_archive("opensearch-security-*.zip"))
            extra = security.write(_server(home) / "config")
        _configure(home, port, {**extra, **settings})
        self._process = _start(home)

    def wait_until_up(self) -> None:
        """Return when the node answers; raises NodeFailed with the end of its log."""
        _wait_until_up(self.url, self._process, self._home, self._security)

    def stop(self) -> None:
        """End exactly this process."""
        _stop(self._process)

    def restart(self) -> None:
        """Stop it and start it again on the same port with the same data."""
        self.stop()
        self._process = _start(self._home)
        self.wait_until_up()


@contextmanager
def running_node(
    settings: Mapping[str, object] | None = None, security: Security | None = None
) -> Iterator[Node]:
    """Start a node, and end exactly that process and its folder afterwards."""
    home = Path(tempfile.mkdtemp(prefix="opensearch-"))
    try:
        node = Node(home, settings or {}, security)
        try:
            node.wait_until_up()
            yield node
        finally:
            node.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def opensearch_node(settings: Mapping[str, object] | None = None) -> Iterator[str]:
    """A node without users; gives its URL."""
    with running_node(settings) as node:
        yield node.url


def find_archive(pattern: str) -> Path:
    """A zip that `make setup` fetched; raises NodeFailed without it."""
    archives = sorted(JARS.glob(pattern))
    if not archives:
        raise NodeFailed(f"found no {pattern} in {JARS}; run `make setup`")
    return archives[-1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unpack(home: Path) -> None:
    with zipfile.ZipFile(find_archive("opensearch-[0-9]*.zip")) as archive:
        archive.extractall(home)
    server = _server(home)
    for program in (server / "bin").iterdir():
        program.chmod(0o755)
    (server / "logs").mkdir(exist_ok=True)
    (server / "data").mkdir(exist_ok=True)


def _install(home: Path, plugin: Path) -> None:
    done = subprocess.run(
        [
            str(_server(home) / "bin/opensearch-plugin"),
            "install",
            "--batch",
            plugin.resolve().as_uri(),
        ],
        env={"PATH": os.environ["PATH"], "OPENSEARCH_JAVA_HOME": java_home()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NodeFailed(f"the plugin {plugin.name} was not installed:\n{done.stderr[-1000:]}")


def _configure(home: Path, port: int, settings: Mapping[str, object]) -> None:
    server = _server(home)
    chosen = {
        "discovery.type": "single-node",
        "network.host": "127.0.0.1",
        "http.port": port,
        "transport.port": _free_port(),
        "cluster.routing.allocation.disk.threshold_enabled": False,
        **settings,
    }
    lines = [f"{name}: {json.dumps(value)}" for name, value in chosen.items()]
    (server / "config/opensearch.yml").write_text("\n".join(lines) + "\n")
    if os.geteuid() == 0:
        home.chmod(0o755)
        for path in [server, *server.rglob("*")]:
            shutil.chown(path, _UNPRIVILEGED)


def _server(home: Path) -> Path:
    return next(path for path in home.iterdir() if path.is_dir())


def _start(home: Path) -> "subprocess.Popen[bytes]":
    server = _server(home)
    environment = {
        "PATH": os.environ["PATH"],
        "OPENSEARCH_JAVA_HOME": java_home(),
        "OPENSEARCH_JAVA_OPTS": "-Xms1g -Xmx1g",
        "OPENSEARCH_TMPDIR": str(server / "logs"),
    }
    with (home / "console.log").open("ab") as log:
        return subprocess.Popen(
            [str(server / "bin/opensearch")],
            cwd=server,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=_UNPRIVILEGED if os.geteuid() == 0 else None,
            extra_groups=[] if os.geteuid() == 0 else None,
            start_new_session=True,
        )


def _wait_until_up(
    url: str, process: "subprocess.Popen[bytes]", home: Path, security: Security | None
) -> None:
    ask = urllib.request.Request(f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s")
    if security:
        ask.add_header("Authorization", security.authorization)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(
                ask, timeout=5, context=security.client_context if security else None
            ):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    log = (home / "console.log").read_text(errors="replace").splitlines()[-15:]
    raise NodeFailed("OpenSearch did not come up:\n" + "\n".join(log))


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    """Keep a node up until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with opensearch_node() as url:
        print(f"OpenSearch is up at {url}", flush=True)
        print(f"  trace into it:  make run OPENSEARCH_URL={url}")
        print(f"  then look:      curl '{url}/flows-demo/_search?pretty&size=3'")
        print("Ctrl-C ends it and removes its data.", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
