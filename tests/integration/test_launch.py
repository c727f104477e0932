"""The job as its own processes: spark-submit, executors that hold only what was shipped to them."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from demo.vpc import SUSPECT
from tests.support.paths import ROOT
from tests.support.services import DemoDay

pytestmark = pytest.mark.launched

SUBMIT = Path(sys.executable).parent / "spark-submit"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The packages as `make dist` packs them, built from the tree as it is."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    # Spark puts .zip, .egg and .jar on the executors' path, and leaves a .whl beside it.
    return wheel.rename(tmp_path / "vpc_flow_trace.zip")


def submit(*words: str, master: str, shipped: Path | None) -> "subprocess.CompletedProcess[str]":
    """Run the job with the base interpreter: it has the locked packages, not this project.

    The project is installed in the tests' environment through a .pth file, which a folder on
    PYTHONPATH does not honour: what is not shipped is missing.
    """
    site_packages = sysconfig.get_paths()["purelib"]
    python = os.path.realpath(sys.executable)
    jars = ",".join(str(jar) for jar in sorted((ROOT / "jars").glob("*.jar")))
    settings = {
        "spark.master": master,
        "spark.jars": jars,
        "spark.pyspark.python": python,
        "spark.executorEnv.PYTHONPATH": site_packages,
        "spark.executor.memory": "1g",
    }
    command = [str(SUBMIT), "--properties-file", str(ROOT / "conf/local.conf")]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    if shipped is not None:
        command += ["--py-files", str(shipped)]
    command += [str(ROOT / "jobs/trace_instance.py"), *words]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": site_packages,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    environment.pop("PYSPARK_PYTHON", None)
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False
    )


def test_executors_in_other_processes_get_all_they_need(
    demo_day: DemoDay, tmp_path: Path, shipped: Path
) -> None:
    flags = demo_day.flags(tmp_path)

    done = submit(*flags, master="local-cluster[2,1,1024]", shipped=shipped)

    assert done.returncode == 0, done.stderr[-3000:]
    books = json.loads((tmp_path / "case/manifest.json").read_text())["books"]
    assert books["flows"] == demo_day.truth["subject"]["records"]
    assert books["objects_read"] == demo_day.truth["objects"]


def test_without_the_package_the_job_does_not_run_on_a_cluster(
    demo_day: DemoDay, tmp_path: Path
) -> None:
    """Shows that the test above would notice a package that is not shipped."""
    done = submit(*demo_day.flags(tmp_path), master="local-cluster[2,1,1024]", shipped=None)

    assert done.returncode != 0
    assert "ModuleNotFoundError: No module named 'jobs'" in done.stdout


def test_the_wheel_holds_the_packages_and_the_index_template(shipped: Path) -> None:
    names = zipfile.ZipFile(shipped).namelist()

    assert "conf/opensearch/flows-template.json" in names
    assert {name.split("/")[0] for name in names if name.endswith(".py")} == {
        "conf",
        "jobs",
        "transforms",
    }


def test_flags_of_a_file_are_read_and_later_flags_win(
    demo_day: DemoDay, tmp_path: Path, shipped: Path
) -> None:
    file = tmp_path / "case.args"
    file.write_text(
        f"# a case\n--flow_logs {demo_day.folder / 'flow-logs'}\n"
        f"--instance_id {SUSPECT.instance_id}\n--case_id from-the-file\n"
        f"--output {tmp_path}\n--from 2026-11-23T00:00:00Z\n--to 2026-11-23T00:30:00\n"
    )

    done = submit(f"@{file}", "--case_id", "later", master="local[1]", shipped=shipped)

    # The one thing wrong is the time without a zone; `later` took the place of the file's case.
    assert done.returncode == 2
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert error.startswith("error: --to: found '2026-11-23T00:30:00'; expected a zone")


def test_the_packages_are_ours() -> None:
    import conf
    import jobs
    import transforms

    for package in (conf, jobs, transforms):
        assert Path(str(package.__file__)).parent.parent == ROOT
