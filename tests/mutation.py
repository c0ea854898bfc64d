"""What share of the mutants each room's tests kill, from the results of the last `mutmut run`; 1 where too few.

Run by `make mutate`, which breaks the functions of the rules one by one and runs the tests that pass through each.
"""

import json
import sys
from collections import Counter
from pathlib import Path

WANTED = {"deploydb/domain": 90, "deploydb/engine": 90, "deploydb/store": 80, "workers": 80}
"""By room, what percentage of its mutants must be killed."""
KILLED = frozenset({1, 3, 37, 24, 36, 152, 255})
"""How mutmut writes that a test failed (1), pytest itself did (3), a type check did (37), or that time was up."""
LEFT_OUT = frozenset({2, 34, None})
"""A run that was interrupted, a mutant that is skipped, and one that was not tried."""


def killed_by_room(results: Path) -> dict[str, tuple[int, int]]:
    """By room, how many mutants were killed, and how many were tried."""
    counts = {}
    for room in WANTED:
        codes: Counter[int | None] = Counter()
        for file in (results / room).rglob("*.meta"):
            codes.update(json.loads(file.read_text())["exit_code_by_key"].values())
        tried = sum(count for code, count in codes.items() if code not in LEFT_OUT)
        counts[room] = (sum(codes[code] for code in KILLED), tried)
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
