"""What the command lines of all jobs have in common: strict flags, every problem at once."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, TypeVar

from jobs.errors import BadInput
from transforms.text import masked

# AWS, "Using job parameters in AWS Glue jobs": what Glue puts in front of the job's own arguments.
GLUE_FLAGS = (
    "JOB_NAME",
    "JOB_ID",
    "JOB_RUN_ID",
    "SECURITY_CONFIGURATION",
    "TempDir",
    "job-bookmark-option",
    "job-bookmark-from",
    "job-bookmark-to",
    "encryption-type",
    "enable-metrics",
    "enable-continuous-cloudwatch-log",
    "continuous-log-logGroup",
)

# Read by `jobs.cli.main` too, before anything else is.
VERBOSE_HELP = {"verbose": "true: also details and tracebacks, on the error stream"}

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """Flags as `--name value`, never abbreviated; `@file` holds flags; errors are BadInput."""

    def __init__(
        self,
        prog: str,
        description: str,
        epilog: str,
        flags: Mapping[str, str],
        has_help: bool = True,
    ) -> None:
        super().__init__(
            add_help=has_help,
            prog=prog,
            description=description,
            epilog=epilog,
            fromfile_prefix_chars="@",
            allow_abbrev=False,
        )
        self._flags = flags
        for name, text in flags.items():
            self.add_argument(f"--{name}", dest=name, metavar="VALUE", help=text)
        for name in GLUE_FLAGS:
            self.add_argument(f"--{name}", dest=f"glue {name}", help=argparse.SUPPRESS)

    def error(self, message: str) -> NoReturn:
        """Raise BadInput where argparse would end the process."""
        raise BadInput([f"{masked(message)}; see --help"])

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        """`@file` holds one `--name value` per line; `#` starts a comment."""
        words = arg_line.partition("#")[0].split(maxsplit=1)
        return [word.strip() for word in words]

    def read(self, argv: Sequence[str]) -> "Reader":
        """The flags, to be read one by one; unknown ones are problems already."""
        given, unknown = self.parse_known_args(argv)
        return Reader(vars(given), self._flags, self._unknown(unknown))

    def _unknown(self, words: Sequence[str]) -> list[str]:
        known = ", ".join(f"--{name}" for name in self._flags)
        flags = [word.partition("=")[0] for word in words if word.startswith("--")]
        if words and not flags:
            found = masked(words[0])[:200]
            return [f"found {found!r} where a flag was expected; give every flag as --name value"]
        return [f"unknown flag {flag}; expected one of {known}" for flag in flags]


class Reader:
    """Values by flag; what cannot be read becomes a problem and the default stands in for it."""

    def __init__(
        self, given: Mapping[str, str | None], flags: Mapping[str, str], problems: list[str]
    ) -> None:
        self._given = given
        self._flags = flags
        self.problems = problems

    def gave(self, *names: str) -> bool:
        """Whether any of these flags was given, readable or not."""
        return any(self._given[name] is not None for name in names)

    def optional(self, name: str, read: Callable[[str], T], default: T) -> T:
        """The flag's value, or the default where it was not given."""
        text = self._given[name]
        if text is None:
            return default
        try:
            return read(text)
        except ValueError as error:
            shown = masked(text)[:200]
            self.problems.append(f"--{name}: found {shown!r}; {error}")
            return default

    def required(self, name: str, read: Callable[[str], T], default: T) -> T:
        """The same for a flag that must be given."""
        if self._given[name] is None:
            self.problems.append(f"--{name} is missing; expected {self._flags[name]}")
        return self.optional(name, read, default)
