# SPDX-License-Identifier: MIT
"""What of the driver has run in a VM, as gcov counts it on the debug kernel."""

import shutil

from .gcov import percent
from .paths import MODULE


def _fetch(vm):
    """The counters, each beside what the compiler left for it."""
    objects, to = MODULE.parent, vm.share / "gcov"
    vm.sh(f"cd /sys/kernel/debug/gcov{objects} && find . -name '*.gcda' | while read -r f; do"
          f" mkdir -p {to}/${{f%/*}} && cat $f >{to}/$f || exit; done")
    for counters in sorted(to.glob("**/*.gcda")):
        notes = objects / counters.relative_to(to).with_suffix(".gcno")
        shutil.copy(notes, counters.parent)
        yield counters


def coverage(vm):
    """{source: (lines, branches or None)}, in percent since the driver was loaded."""
    found = {}
    for counters in _fetch(vm):
        source = str(counters.relative_to(vm.share / "gcov").with_suffix(".c"))
        found[source] = percent(counters, source)
    return {source: percents for source, percents in found.items() if percents}
