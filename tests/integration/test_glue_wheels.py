"""The zip of wheels for Glue: pip installs it without an index, and only what the lock names."""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

WHEEL = "tea-1.0-py3-none-any.whl"


def wheel_in(folder: Path, word: str) -> Path:
    """A wheel of one module, put together by the rules of PEP 427."""
    files = {
        "tea.py": f"WORD = {word!r}\n",
        "tea-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tea\nVersion: 1.0\n",
        "tea-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as file:
        for name, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
            rows.append(f"{name},sha256={digest.decode()},{len(text)}")
            file.writestr(name, text)
        rows.append("tea-1.0.dist-info/RECORD,,")
        file.writestr("tea-1.0.dist-info/RECORD", "\n".join(rows) + "\n")
    return folder / WHEEL


def packed(folder: Path, wheels: Path, lock: str) -> subprocess.CompletedProcess[str]:
    (folder / "some.lock").write_text(lock)
    script = ROOT / "requirements/glue_wheels.py"
    words = [wheels, folder / "some.lock", folder / "packages.gluewheels.zip"]
    return subprocess.run(
        [sys.executable, script, *words], capture_output=True, text=True, check=False
    )


def installed(folder: Path) -> subprocess.CompletedProcess[str]:
    """What Glue does with the zip, whose index would be on a machine that is not there."""
    with zipfile.ZipFile(folder / "packages.gluewheels.zip") as file:
        file.extractall(folder / "on-glue")
    wheels = folder / "on-glue/wheels"
    return subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-index", "--find-links", wheels, "--target", folder / "site",
         "-r", wheels / "requirements.txt"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_pip_installs_what_the_lock_names_without_an_index(tmp_path: Path) -> None:
    wheel = wheel_in(tmp_path / "wheels", "green")
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()

    assert packed(tmp_path, wheel.parent, f"tea==1.0 --hash=sha256:{sha256}\n").returncode == 0
    ended = installed(tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "site/tea.py").read_text() == "WORD = 'green'\n"
    with zipfile.ZipFile(tmp_path / "packages.gluewheels.zip") as file:
        assert file.namelist() == ["wheels/requirements.txt", f"wheels/{WHEEL}"]


def test_a_wheel_with_other_bytes_than_the_lock_names_is_refused(tmp_path: Path) -> None:
    honest = hashlib.sha256(wheel_in(tmp_path / "wheels", "green").read_bytes()).hexdigest()
    wheel_in(tmp_path / "wheels", "altered")

    packed(tmp_path, tmp_path / "wheels", f"tea==1.0 --hash=sha256:{honest}\n")
    ended = installed(tmp_path)

    assert ended.returncode != 0
    assert "DO NOT MATCH THE HASHES" in ended.stderr


def test_the_same_wheels_give_the_same_bytes(tmp_path: Path) -> None:
    wheel = wheel_in(tmp_path / "wheels", "green")
    packed(tmp_path, wheel.parent, "tea==1.0\n")
    first = (tmp_path / "packages.gluewheels.zip").read_bytes()
    wheel.touch()

    packed(tmp_path, wheel.parent, "tea==1.0\n")

    assert (tmp_path / "packages.gluewheels.zip").read_bytes() == first


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_no_wheel_is_no_zip(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()

    ended = packed(tmp_path, tmp_path / folder, "")

    assert ended.returncode == 1
    assert "found no wheel" in ended.stderr
    assert "run `make dist-glue`" in ended.stderr
