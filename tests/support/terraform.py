"""Terraform on a copy of infra/: without a network, without credentials, the repository clean."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

REPOSITORY = ROOT
_PROVIDER = "registry.terraform.io/hashicorp/aws/{}.*/*/terraform-provider-aws*"
PROVIDERS = (5, 6)  # the major versions that infra/ is written for
_ONLY = """
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "~> {}.0"
    }}
  }}
}}
"""
_ENVIRONMENT_OUT = ("TF_CLI_CONFIG_FILE", "TF_DATA_DIR", "TF_WORKSPACE", "TF_LOG")


def plugin_folder(provider: int) -> Path | None:
    """The folder to name in -plugin-dir: TF_PLUGIN_DIR or a usual one, if it has this provider."""
    usual = [
        *(Path(given) for given in [os.environ.get("TF_PLUGIN_DIR")] if given),
        *Path("/opt").glob("*"),
        Path.home() / ".terraform.d/plugins",
        Path("/usr/local/share/terraform/plugins"),
        Path("/usr/share/terraform/plugins"),
    ]
    pattern = _PROVIDER.format(provider)
    return next((folder for folder in usual if any(folder.glob(pattern))), None)


def what_is_missing(provider: int = PROVIDERS[0]) -> str | None:
    """Why Terraform cannot be run here, as a reason to skip; None where it can."""
    if shutil.which("terraform") is None:
        return "terraform is not on the PATH"
    if plugin_folder(provider) is None:
        wanted = f"the provider hashicorp/aws {provider}.x"
        return f"no folder with {wanted} was found; name one in TF_PLUGIN_DIR"
    return None


class Terraform:
    """A copy of infra/ and conf/ in `folder`, initialised in the sub-folder `root`."""

    def __init__(
        self, folder: Path, root: str = "infra", environment: Mapping[str, str] | None = None,
        provider: int = PROVIDERS[0],
    ) -> None:  # fmt: skip
        for name in ("infra", "conf"):
            ignore = shutil.ignore_patterns(".terraform*", "*.tfstate*", "__pycache__")
            shutil.copytree(REPOSITORY / name, folder / name, ignore=ignore)
        self.folder = folder / root
        self._provider = provider
        self._environment = {
            name: value for name, value in os.environ.items() if name not in _ENVIRONMENT_OUT
        } | dict(environment or {})

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """The command's end; fails with what it printed when the exit code is another."""
        ended = subprocess.run(
            ["terraform", *words],
            cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=900,
            check=False,
        )  # fmt: skip
        assert ended.returncode in codes, f"terraform {words[0]}: {ended.stdout}{ended.stderr}"
        return ended

    def init(self) -> None:
        """Take the provider, in this major version, from the folder that has it."""
        (self.folder / "only_override.tf").write_text(_ONLY.format(self._provider))
        folder = plugin_folder(self._provider)
        self.run("init", "-input=false", "-no-color", f"-plugin-dir={folder}")


def events_of(printed: str) -> list[dict[str, Any]]:
    """The lines of a -json output."""
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def policies_in(state: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every IAM policy of a state: its name in the module, and a statement of it."""
    for resource in state["root_module"]["resources"]:
        if resource["type"] in ("aws_iam_policy", "aws_iam_role_policy"):
            for statement in json.loads(resource["values"]["policy"])["Statement"]:
                yield resource["name"], statement
