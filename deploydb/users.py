"""The user who runs a process."""

import getpass
import os


def me() -> str:
    """The user's name; in a container whose user has no name, its number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
