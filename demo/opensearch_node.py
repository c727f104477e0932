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

JARS = Path(__file__).resolve().parent.parent / "jars"
_PATIENCE_S = 120
# The server refuses to run as root; any account that owns nothing will do.
_UNPRIVILEGED = "nobody"


class NodeFailed(Exception):
    """The node did not come up; the message holds the end of its log."""


@contextmanager
def opensearch_node(settings: Mapping[str, object] | None = None) -> Iterator[str]:
    """Start a node, give its URL, and end exactly that process and its folder afterwards."""
    home = Path(tempfile.mkdtemp(prefix="opensearch-"))
    try:
        port = _free_port()
        _unpack(home, port, settings or {})
        process = _start(home)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_up(url, process, home)
            yield url
        finally:
            _stop(process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _unpack(home: Path, port: int, settings: Mapping[str, object]) -> None:
    archives = sorted(JARS.glob("opensearch-*.zip"))
    if not archives:
        raise NodeFailed(f"found no opensearch zip in {JARS}; run `make setup`")
    with zipfile.ZipFile(archives[-1]) as archive:
        archive.extractall(home)
    server = _server(home)
    for program in (server / "bin").iterdir():
        program.chmod(0o755)
    (server / "logs").mkdir(exist_ok=True)
    (server / "data").mkdir(exist_ok=True)
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
        "OPENSEARCH_JAVA_HOME": _java_home(),
        "OPENSEARCH_JAVA_OPTS": "-Xms1g -Xmx1g",
        "OPENSEARCH_TMPDIR": str(server / "logs"),
    }
    log = (home / "console.log").open("wb")
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


def _java_home() -> str:
    if home := os.environ.get("JAVA_HOME"):
        return home
    java = shutil.which("java")
    if java is None:
        raise NodeFailed("found no java on the path; expected Java 17; install it")
    return str(Path(java).resolve().parent.parent)


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]", home: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            health = f"{url}/_cluster/health?wait_for_status=yellow&timeout=1s"
            with urllib.request.urlopen(health, timeout=5):
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
