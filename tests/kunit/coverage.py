#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""coverage.py DIR: what gcov counted for the driver's pure sources, as TAP.

DIR is where the user-mode kernel's objects of this repository are.
"""

import re
import subprocess
import sys
from pathlib import Path

ENOUGH = 90  # percent of the lines
# the environment's primitives, not pure sources
NOT_PURE = {"kernel/crypto.c", "kernel/executive/aes.c", "kernel/transaction/cipher.c"}

_SUMMARY = re.compile(
    r"File '([^']*)'\nLines executed:([\d.]+)% of (\d+)\n"
    r"(?:Branches executed:[\d.]+% of \d+\nTaken at least once:([\d.]+)% of (\d+))?"
)


def summaries(directory):
    """(source, lines in percent, branches in percent or None) of each source."""
    counted = [c for d in ("kernel", "tpm") for c in directory.glob(f"{d}/**/*.gcda")]
    for counters in sorted(counted):
        source = str(counters.relative_to(directory).with_suffix(".c"))
        out = subprocess.run(
            ["gcov", "-n", "-b", "-o", counters.parent, counters],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name, lines, _, taken, _ in _SUMMARY.findall(out):
            if name.endswith(source) and source not in NOT_PURE:
                yield source, float(lines), float(taken) if taken else None


def main():
    found = list(summaries(Path(sys.argv[1])))
    for number, (source, lines, branches) in enumerate(found, 1):
        verdict = "ok" if lines > ENOUGH else "not ok"
        took = "" if branches is None else f", {branches:.0f} % of its branches"
        print(f"{verdict} {number} {source}: {lines:.0f} % of its lines ran{took}")
    print(f"1..{len(found)}")
    return 0 if found else 1


sys.exit(main())
