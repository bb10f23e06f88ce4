# SPDX-License-Identifier: MIT
"""The debug kernel's fault injection: memory that cannot be had, copies that fail."""

_SWITCHES = {
    "verbose": "0",
    "ignore-gfp-wait": "N",
    "ignore-gfp-highmem": "N",
    "min-order": "0",
    "cache-filter": "N",
}


def prepare(vm):
    """Every allocation may fail, and silently; none does but for fail-nth."""
    script = "cd /sys/kernel/debug && for d in failslab fail_page_alloc fail_usercopy; do\n"
    for name, value in _SWITCHES.items():
        script += f"[ ! -e $d/{name} ] || echo {value} >$d/{name}\n"
    vm.sh(script + "done")
