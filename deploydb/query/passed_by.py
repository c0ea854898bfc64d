"""The stages that a person's promotion passes by, of an answer of `why`: for the command line and the pages."""

from collections.abc import Mapping
from typing import Any

_THROUGH = ("SUCCESS", "SKIPPED")


def stages_passed_by(why: Mapping[str, Any]) -> list[str]:
    """The stages before the lane that the version is not through yet; of a version that the pipeline does not take, all
    of them."""
    if "branch" in why:
        return list(why["branch"]["passesBy"])
    return [stage["environment"] for stage in why["stages"][:-1] if stage["status"] not in _THROUGH]
