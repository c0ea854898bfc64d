"""Looks for reference cycles: seldom, and not in what stays."""

import gc

_NEW_OBJECTS = 50_000
"""Between two looks. Python's own default, 700, is made for small programs."""


def look_seldom() -> None:
    """What is loaded by now stays as long as the process: no look goes through it. And the thousands of objects of a
    batch or an answer, which are soon gone, do not set off a look each time (a matrix of 5,000 lanes: 80 ms of 240).
    Looks that the start has put off begin.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
    gc.enable()
