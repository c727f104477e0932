"""Which Java the servers of the demo run on."""

import os
import shutil
from pathlib import Path


class NoJava(Exception):
    """There is no Java on the path."""


def java_home() -> str:
    """JAVA_HOME, else the home of the java on the path."""
    if home := os.environ.get("JAVA_HOME"):
        return home
    java = shutil.which("java")
    if java is None:
        raise NoJava("found no java on the path; expected Java 17; install it")
    return str(Path(java).resolve().parent.parent)
