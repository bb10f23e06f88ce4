#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The debug kernel's checkers are awake: each finds a deliberate bug, and fails a test."""

from lib import BUILD, VM, Failed, GuestDied, case, expect, expect_match, needs

BUGS = BUILD / "bugs/bugs.ko"

# what the kernel does not survive: it panics on a warning
DEADLY = {
    "out_of_bounds": "KASAN: slab-out-of-bounds in out_of_bounds",
    "use_after_free": "KASAN: (slab-)?use-after-free in use_after_free",
    "shift": "UBSAN: shift-out-of-bounds",
    "list_twice": "WARNING: .*list_debug.c",
    "sg_unmapped": "kernel BUG at .*scatterlist.h",
}


def complaint(vm, dead=False):
    """What a test is told when the machine goes off."""
    try:
        vm.power_cut() if dead else vm.shutdown()
    except (Failed, GuestDied) as failure:
        return str(failure)
    return ""


def deadly():
    for bug, pattern in DEADLY.items():
        with case(f"a bug is found, and the machine stops: {bug}"):
            vm = VM().boot()
            try:
                vm.sh(f"insmod {BUGS} bug={bug}")
            except GuestDied:
                pass
            else:
                expect(False, "it lives on")
            expect_match(pattern, complaint(vm, dead=True))


def survived():
    vm = VM().boot()
    with case("a leak is found, after the module is gone"):
        vm.sh(f"insmod {BUGS} bug=leak && rmmod bugs")
        expect_match(r"unreferenced object .*\n.*insmod", vm.find_leaks())
    with case("a test that leaks fails"):
        expect_match("memory leaks:", complaint(vm))
    vm.boot()
    with case("a wrong order of locks is found"):
        vm.sh(f"insmod {BUGS} bug=lock_order; rmmod bugs")
        expect_match("possible circular locking", vm.kernel_log.text)
    with case("sleep in atomic context is found, and a test with it fails"):
        vm.sh(f"insmod {BUGS} bug=sleep_in_atomic; rmmod bugs")
        text = complaint(vm)
        expect_match("possible circular locking", text)
        expect_match("sleeping function called", text)
    vm.boot()
    with case("who keeps the processor for too long is found, and a test with it fails"):
        vm.sh("cd /proc/sys/kernel && cat watchdog_thresh && echo 2 >watchdog_thresh")
        vm.sh(f"insmod {BUGS} bug=lockup; rmmod bugs")
        expect_match("soft lockup", complaint(vm))


needs("CONFIG_KASAN")
survived()
deadly()
