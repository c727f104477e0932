"""`python -m jobs.submit glue …`: see jobs.submit.launch."""

import sys

from jobs.submit.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
