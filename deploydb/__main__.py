"""`python -m deploydb`: the command line, where the script is not on the PATH."""

from deploydb.cli import main

main()
