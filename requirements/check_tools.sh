#!/bin/sh
# Name every tool that is missing or too old, all at once, before anything is downloaded.
# Needs nothing but a shell. `PYTHON` is the Python to look at, `JAVA_HOME` and `MAKE` as usual.

problems=0

# problem FOUND EXPECTED BREW APT DNF
problem() {
    printf 'error: found %s; expected %s; install it with `brew install %s` (macOS), `sudo apt-get install %s` (Debian, Ubuntu) or `sudo dnf install %s` (Amazon Linux 2023)\n' "$@" >&2
    problems=1
}

# at_least MAJOR.MINOR… MAJOR MINOR
at_least() {
    major=${1%%.*}
    minor=${1#*.}
    minor=${minor%%[!0-9]*}
    [ "$major" -gt "$2" ] 2>/dev/null || { [ "$major" -eq "$2" ] && [ "${minor:-0}" -ge "$3" ]; } 2>/dev/null
}

# The first line of what a command prints.
first_line() {
    "$@" 2>&1 | { IFS= read -r line; printf '%s' "$line"; }
}

python=${PYTHON:-}
[ -n "$python" ] || python=$(command -v python3.11 || command -v python3)
set -- 'Python 3.11 or newer, with venv' python@3.11 'python3 python3-venv' python3.11
if [ -z "$python" ] || ! command -v "$python" >/dev/null; then
    problem 'no Python' "$@"
else
    version=$(first_line "$python" --version)
    if ! at_least "${version#Python }" 3 11; then
        problem "${version:-a Python without a version}" "$@"
    elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        problem "$version without venv" "$@"
    fi
fi

set -- 'Java 17 or newer' openjdk@17 openjdk-17-jdk-headless java-17-amazon-corretto-devel
java=java
[ -z "${JAVA_HOME:-}" ] || java=$JAVA_HOME/bin/java
if ! command -v "$java" >/dev/null; then
    problem "no Java${JAVA_HOME:+ in JAVA_HOME=$JAVA_HOME}" "$@"
else
    line=$(first_line "$java" -version)
    version=${line#*\"}
    version=${version%%\"*}
    if [ "$version" = "$line" ]; then  # the stub of macOS answers with a sentence
        problem 'no Java that starts' "$@"
    elif ! at_least "$version" 17 0; then
        problem "Java $version" "$@"
    fi
fi

set -- 'Maven 3.6 or newer' maven maven maven
if ! command -v mvn >/dev/null; then
    problem 'no Maven' "$@"
elif [ "$problems" = 0 ]; then  # Maven cannot say its version without a Java
    line=$(first_line mvn --version)
    version=${line#*Apache Maven }
    version=${version%%[!0-9.]*}  # what follows may be a colour
    at_least "$version" 3 6 || problem "Maven ${version:-without a version}" "$@"
fi

set -- 'GNU make 4.0 or newer (on macOS it is called gmake)' make make make
make=${MAKE:-make}
if ! command -v "$make" >/dev/null; then
    problem 'no make' "$@"
else
    line=$(first_line "$make" --version)
    version=${line#GNU Make }
    at_least "$version" 4 0 || problem "${line:-a make without a version}" "$@"
fi

exit "$problems"
