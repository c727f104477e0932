"""`make fuzz`: bytes that atheris makes up, through everything that reads what others wrote.

`python -m tests.fuzz TARGET …` runs one target of `tests.fuzz.targets`; what follows goes to
libFuzzer. A broken law ends the run with the input, which then belongs to the tests of its reader.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["transforms", "jobs"]):
    from tests.fuzz.targets import TARGETS


def main(name: str, flags: list[str]) -> None:
    """Run one target until libFuzzer's own flags end it."""
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for number, seed in enumerate(target.seeds()):
            (seeds / str(number)).write_bytes(seed)
        (Path(folder) / "work").mkdir()

        def one_input(data: bytes) -> None:
            target.check(Path(folder) / "work", data)

        atheris.Setup([sys.argv[0], *flags, "-max_len=4096", str(seeds)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
