#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Machines without a TPM 2.0."""

from lib import VM, CommandFailed, Tpm, case, expect, expect_match


def refused_load(vm, reason):
    """insmod fails and says why in the kernel log."""
    try:
        vm.load_module()
    except CommandFailed:
        pass
    expect_match(f"secmod: {reason}", vm.sh("dmesg").out)
    expect(vm.sh("test -e /dev/secmod0", check=False).rc, "the device is there")


with VM(name="none") as vm:
    with case("A2 a machine without a TPM: the driver says so and is not loaded"):
        refused_load(vm, "there is no TPM")
with VM(tpm=Tpm(name="old", version=1), tpm_device="tpm-tis", name="old") as vm:
    with case("A2 a TPM 1.2: the driver says so and is not loaded"):
        refused_load(vm, "tpm0 is a TPM 1.2, a TPM 2.0 is needed")
