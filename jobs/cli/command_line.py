"""What the command lines of all jobs have in common: strict flags, every problem at once."""

import argparse
import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NoReturn, TypeVar

from jobs.cli.argument_values import boolean
from jobs.cli.flags import VERBOSE, Command, Flag, FlagGroup, help_text
from jobs.errors import BadInput
from transforms.text import masked, sanitise

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
_LONGEST_SHOWN = 200

T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """Flags as `--name value`, never abbreviated; `@file` holds flags; errors are BadInput."""

    def __init__(self, command: Command, *, has_help: bool = True) -> None:
        super().__init__(
            prog=command.start,
            add_help=has_help,
            fromfile_prefix_chars="@",
            allow_abbrev=False,
        )
        self._command = command
        for name in command.flags:
            self.add_argument(f"--{name}", dest=name)
        for name in GLUE_FLAGS:
            self.add_argument(f"--{name}", dest=f"glue {name}", help=argparse.SUPPRESS)

    def format_help(self) -> str:
        """The help from the table of flags."""
        return help_text(self._command)

    def error(self, message: str) -> NoReturn:
        """Raise BadInput where argparse would end the process."""
        raise BadInput([f"{masked(message)}; see --help"])

    def convert_arg_line_to_args(self, arg_line: str) -> list[str]:
        """`@file` holds one `--name value` per line; `#` starts a comment."""
        words = arg_line.partition("#")[0].split(maxsplit=1)
        return [word.strip() for word in words]

    def read(self, argv: Sequence[str], also_known: Collection[str] = ()) -> "Reader":
        """The flags, to be read one by one; unknown ones are problems already.

        `also_known` are flags of a command around this one, which may have been meant.
        """
        given, unknown = self.parse_known_args(argv)
        flags = self._command.flags
        reader = Reader(vars(given), flags, unknown_flags(unknown, [*flags, *also_known]))
        if VERBOSE.name in flags:
            reader.value(VERBOSE.name, boolean)
        return reader


def is_verbose(argv: Sequence[str]) -> bool:
    """Whether --verbose true is among the flags, which are read and checked later."""
    only = Command("", "", (FlagGroup("", (VERBOSE,), ""),), {})
    try:
        given, _ = Parser(only, has_help=False).parse_known_args(argv)
        return bool(given.verbose == "true")
    except BadInput:  # a file of flags that is missing: the command will tell
        return False


def unknown_flags(words: Sequence[str], known: Collection[str]) -> list[str]:
    """A sentence for each word that was taken for a flag, with the known flag that is nearest."""
    flags = [word.partition("=")[0] for word in words if word.startswith("-")]
    if words and not flags:
        found = sanitise(masked(words[0]), _LONGEST_SHOWN)
        return [f"found {found!r} where a flag was expected; give every flag as --name value"]
    return [_unknown_flag(flag, known) for flag in flags]


def _unknown_flag(flag: str, known: Collection[str]) -> str:
    typed = flag.strip("-").lower().replace("-", "_")
    nearest = difflib.get_close_matches(typed, known, 1)
    # An abbreviation is near to what it begins, however short it is.
    nearest = nearest or [name for name in known if len(typed) > 1 and name.startswith(typed)][:1]
    meant = f"did you mean --{nearest[0]}? " if nearest else ""
    return f"unknown flag {sanitise(masked(flag), 80)}; {meant}--help lists all"


class Reader:
    """Values by flag; what cannot be read becomes a problem and the default stands in for it."""

    def __init__(
        self, given: Mapping[str, str | None], flags: Mapping[str, Flag], problems: list[str]
    ) -> None:
        self._given = given
        self._flags = flags
        self.problems = problems

    def gave(self, *names: str) -> bool:
        """Whether any of these flags was given, readable or not."""
        return any(self._given[name] is not None for name in names)

    def value(self, name: str, read: Callable[[str], T]) -> T:
        """The flag's value, or its default in the table of flags."""
        default = self._flags[name].default
        assert default is not None, f"--{name} has no default"
        return self.optional(name, read, read(default))

    def optional(self, name: str, read: Callable[[str], T], otherwise: T) -> T:
        """The flag's value, or `otherwise` where it was not given."""
        text = self._given[name]
        if text is None:
            return otherwise
        try:
            return read(text)
        except ValueError as error:
            shown = sanitise(masked(text), _LONGEST_SHOWN)
            self.problems.append(f"--{name}: found {shown!r}; {error}")
            return otherwise

    def required(self, name: str, read: Callable[[str], T], stand_in: T) -> T:
        """The same for a flag that must be given."""
        if self._given[name] is None:
            self.problems.append(f"--{name} is missing; expected {self._flags[name].help}")
        return self.optional(name, read, stand_in)
