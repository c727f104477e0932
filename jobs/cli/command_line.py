"""What the command lines of all jobs have in common: strict flags, every problem at once."""

import argparse
import difflib
import logging
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NoReturn, TypeVar

from jobs.cli.argument_values import boolean
from jobs.cli.flags import VERBOSE, Command, Flag, FlagGroup, help_text
from jobs.errors import BadInput
from transforms.text import masked, sanitise

logger = logging.getLogger(__name__)

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
    "conf",
)
# A platform's next flag is spelled like these, and ours never are: with a capital or a dash.
_OF_A_PLATFORM = re.compile(r"--(?=[\w-]*[A-Z-])([A-Za-z][\w-]*)(=.*)?", re.DOTALL)
# As near as a slip of the pen: `--Flow-log`, but not `--enable-metrics`.
_A_SLIP = 0.85
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
        flags = self._command.flags
        known = [*flags, *also_known]
        given, unknown = self.parse_known_args(list(without_platform_flags(argv, known)))
        reader = Reader(vars(given), flags, unknown_flags(unknown, known))
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


def without_platform_flags(argv: Sequence[str], known: Collection[str]) -> Iterator[str]:
    """The words without flags that only the platform can have added, and their values.

    Glue adds flags of its own, and more with every release: none of them may stop a run. What is
    one of ours but for a capital, a dash or a slip stays, to be refused as every unknown flag is.
    """
    at = 0
    while at < len(argv):
        word = argv[at]
        at += 1
        found = _OF_A_PLATFORM.fullmatch(word)
        if found is None or _is_ours(found[1], known):
            yield word
            continue
        if not found[2] and at < len(argv) and not argv[at].startswith("--"):
            at += 1
        if found[1] not in GLUE_FLAGS:
            logger.warning("ignored=--%s reason=taken for a flag of the platform", found[1])


def _is_ours(name: str, known: Collection[str]) -> bool:
    return bool(difflib.get_close_matches(_as_ours(name), known, 1, _A_SLIP))


def _as_ours(name: str) -> str:
    return name.strip("-").lower().replace("-", "_")


def unknown_flags(words: Sequence[str], known: Collection[str]) -> list[str]:
    """A sentence for each word that was taken for a flag, with the known flag that is nearest."""
    flags = [word.partition("=")[0] for word in words if word.startswith("-")]
    if words and not flags:
        found = sanitise(masked(words[0]), _LONGEST_SHOWN)
        return [f"found {found!r} where a flag was expected; give every flag as --name value"]
    return [_unknown_flag(flag, known) for flag in flags]


def _unknown_flag(flag: str, known: Collection[str]) -> str:
    typed = _as_ours(flag)
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
