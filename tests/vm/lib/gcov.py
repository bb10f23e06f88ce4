# SPDX-License-Identifier: MIT
"""What gcov says of a file of counters."""

import re
import subprocess

_SUMMARY = re.compile(
    r"File '([^']*)'\nLines executed:([\d.]+)% of (\d+)\n"
    r"(?:Branches executed:[\d.]+% of \d+\nTaken at least once:([\d.]+)% of (\d+))?"
)


def percent(counters, source):
    """(lines, branches or None) of the source, whose name may go on to the left."""
    out = subprocess.run(
        ["gcov", "-n", "-b", "-o", counters.parent, counters],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name, lines, _, taken, _ in _SUMMARY.findall(out):
        if name.endswith(source):
            return float(lines), float(taken) if taken else None
    return None
