"""What a flag is: the one table that the parser, `--help` and docs/reference/flags.md read."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_WIDTH = 79  # so that a terminal of 80 columns never breaks a line
_INDENT = " " * 6


class Flag(NamedTuple):
    """A flag: the kind or unit of its value, what it does, and its default as one would type it."""

    name: str
    kind: str
    help: str
    default: str | None = None
    is_required: bool = False


# Read by `jobs.cli.main` too, before the other flags are.
VERBOSE = Flag(
    "verbose",
    "true|false",
    "true: every detail; tracebacks on the error stream",
    "false",
)
# The case that a command works on, once a run completed it.
CASE = Flag(
    "case", "URI", "the folder of the case: OUTPUT/CASE_ID, a folder or s3://…", is_required=True
)


class FlagGroup(NamedTuple):
    """Flags about one thing, and an example of them together."""

    title: str
    flags: tuple[Flag, ...]
    example: str


class Command(NamedTuple):
    """A command: how it is started, what it is for, its flags, and what its exit codes mean."""

    start: str
    purpose: str
    groups: tuple[FlagGroup, ...]
    exit_codes: Mapping[int, str]

    @property
    def flags(self) -> dict[str, Flag]:
        """Every flag by its name."""
        return {flag.name: flag for group in self.groups for flag in group.flags}


def help_text(command: Command) -> str:
    """What `--help` prints: the groups one after the other, at most 80 columns wide."""
    return "\n".join(_help_lines(command)) + "\n"


def _help_lines(command: Command) -> Iterator[str]:
    yield from textwrap.wrap(f"usage: {command.start} FLAGS", _WIDTH, subsequent_indent="  ")
    yield ""
    yield from textwrap.wrap(command.purpose, _WIDTH)
    yield from textwrap.wrap(
        "Every flag is --name value. @FILE reads flags from a file, one to a line; # starts a "
        "comment.",
        _WIDTH,
    )
    for group in command.groups:
        yield ""
        yield group.title
        for flag in group.flags:
            yield f"  --{flag.name} {flag.kind}{_remark(flag)}"
            yield from _wrapped(flag.help)
        yield f"    example: {_broken(group.example)}"
    yield ""
    yield "Exit codes"
    for code, meaning in command.exit_codes.items():
        yield from textwrap.wrap(f"  {code:>3}  {meaning}", _WIDTH, subsequent_indent=" " * 7)


def _remark(flag: Flag) -> str:
    if flag.is_required:
        return "  (required)"
    return f"  (default: {flag.default})" if flag.default is not None else ""


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _broken(example: str) -> str:
    """An example over several lines where it is long, each of which a shell goes on from."""
    lines = [""]
    for words in _pairs(example):
        longer = f"{lines[-1]} {words}".strip()
        if lines[-1] and len(longer) > _WIDTH - len(_INDENT) - 10:
            lines.append(words)
        else:
            lines[-1] = longer
    return f" \\\n{_INDENT}       ".join(lines)


def _pairs(example: str) -> Iterator[str]:
    """`--name value` by `--name value`."""
    first, *others = example.split(" --")
    yield first
    yield from (f"--{other}" for other in others)
