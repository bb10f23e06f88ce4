# SPDX-License-Identifier: MIT
"""The guest's kernel log: kept, and searched for what must never be in it."""

import re
import threading

_BAD = re.compile(
    r"WARNING:|\bBUG\b|\bOops\b|Kernel panic|general protection|Call Trace:"
    r"|KASAN: |UBSAN: |KCSAN: |kmemleak: \d|refcount_t:|lockdep is turned off"
    r"|possible (circular locking|recursive locking|irq lock inversion)"
    r"|inconsistent lock state|suspicious RCU|sleeping function called"
    r"|INFO: task .* blocked|rcu: INFO|soft lockup|list_(add|del) corruption"
    r"|Unable to handle|unable to handle|segfault at|scheduling while atomic"
)

# bits of /proc/sys/kernel/tainted: a module from outside the tree, unsigned
_EXPECTED_TAINT = 1 << 12 | 1 << 13


class KernelLog:
    """Records of one VM over all its boots."""

    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8")
        self._lock = threading.Lock()
        self._lines = []

    def add(self, record):
        """One record of /dev/kmsg: priority,sequence,microseconds,...;text."""
        head, _, text = record.decode(errors="replace").partition(";")
        seconds = int(head.split(",")[2]) / 1e6
        # continuation lines, which start with a space, are properties
        line = f"[{seconds:12.6f}] {text.splitlines()[0] if text else ''}"
        with self._lock:
            self._lines.append(line)
            self._file.write(line + "\n")
            self._file.flush()

    def boundary(self, text):
        with self._lock:
            self._file.write(f"--- {text}\n")

    @property
    def text(self):
        with self._lock:
            return "\n".join(self._lines)

    def problems(self, allowed=()):
        """What tells of a fault in the kernel, less that a test provoked."""
        return problems(self.text, allowed)


def problems(text, allowed=()):
    """The lines of a log that tell of a fault, each with some that follow."""
    lines = text.splitlines()
    found = []
    end = 0
    for number, line in enumerate(lines):
        if number < end or not _BAD.search(line):
            continue
        if any(re.search(pattern, line) for pattern in allowed):
            continue
        end = number + 25
        found.append("\n".join(lines[number:end]))
    return found


def unexpected_taint(before, after):
    """Taint bits that came during the run and that loading secmod does not set."""
    return (after or 0) & ~(before or 0) & ~_EXPECTED_TAINT
