#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""coverage.py DIR: what gcov counted for the driver's pure sources, as TAP.

DIR is where the user-mode kernel's objects of this repository are.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vm/lib"))
from gcov import percent  # noqa: E402

ENOUGH = 90  # percent of the lines
# the environment's primitives, not pure sources
NOT_PURE = {"kernel/crypto.c", "kernel/executive/aes.c", "kernel/transaction/cipher.c"}

def summaries(directory):
    """(source, lines in percent, branches in percent or None) of each source."""
    counted = [c for d in ("kernel", "tpm") for c in directory.glob(f"{d}/**/*.gcda")]
    for counters in sorted(counted):
        source = str(counters.relative_to(directory).with_suffix(".c"))
        if source not in NOT_PURE:
            yield source, *percent(counters, source)


def main():
    found = list(summaries(Path(sys.argv[1])))
    for number, (source, lines, branches) in enumerate(found, 1):
        verdict = "ok" if lines > ENOUGH else "not ok"
        took = "" if branches is None else f", {branches:.0f} % of its branches"
        print(f"{verdict} {number} {source}: {lines:.0f} % of its lines ran{took}")
    print(f"1..{len(found)}")
    return 0 if found else 1


sys.exit(main())
