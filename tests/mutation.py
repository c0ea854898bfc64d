"""What share of the mutants each room's tests kill, from the results of the last `mutmut run`; 1 where too few.

Run by `make mutate`, which breaks the functions of the rules one by one and runs the tests that pass through each.
"""

import json
import sys
from collections import Counter
from pathlib import Path

WANTED = {"deploydb/domain": 90, "deploydb/engine": 90, "deploydb/store": 80, "workers": 80}
"""By room, what percentage of its mutants must be killed."""
SURVIVED, UNTESTED = 0, 33
"""How mutmut writes that all tests passed, and that no test comes by."""


def killed_by_room(results: Path) -> dict[str, tuple[int, int]]:
    """By room, how many mutants were killed, and how many were tried."""
    counts = {}
    for room in WANTED:
        codes: Counter[int] = Counter()
        for file in (results / room).rglob("*.meta"):
            codes.update(code for code in json.loads(file.read_text())["exit_code_by_key"].values() if code is not None)
        counts[room] = (codes.total() - codes[SURVIVED] - codes[UNTESTED], codes.total())
    return counts


def main() -> int:
    """Print each room that was tried, with its share."""
    short = False
    for room, (killed, tried) in killed_by_room(Path("mutants")).items():
        if tried:
            share = 100 * killed / tried
            short |= share < WANTED[room]
            print(f"{room:16} {killed:6} of {tried:6} killed: {share:.1f} % (wanted: {WANTED[room]} %)")
    return int(short)


if __name__ == "__main__":
    sys.exit(main())
