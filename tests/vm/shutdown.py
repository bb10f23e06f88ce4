#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The TPM is told of each orderly end, and of none that is not."""

import struct

from lib import BUILD, case, expect, expect_equal, wait_for
from lib.paths import KERNEL
from lib.powercut import Stand, tpm_command

SHUTDOWN = 0x145
POWER = BUILD / "vm/power"
IMAGE = next(KERNEL.glob("boot/vmlinuz-*"))


def ends():
    """resetCount, and whether the last end was an orderly one."""
    clock = stand.bus.ask(tpm_command(0x181, b""))
    startup = stand.bus.ask(tpm_command(0x17A, struct.pack(">III", 6, 0x201, 1)))
    (resets,), (attributes,) = struct.unpack(">I", clock[26:30]), struct.unpack(">I", startup[-4:])
    return resets, bool(attributes >> 31)


def come_back():
    """What the TPM remembers of the end; the module is whole."""
    before = resets[0]
    stand.boot()
    resets[0], orderly = ends()
    expect(resets[0] > before, "no TPM reset was counted")
    expect_equal(stand.attach()["state"], "operating")
    stand.expect_signs()
    return orderly


def end(how, over):
    """Ends the machine while the module is operating; codes of the TPM commands."""
    stand.bus.arm()
    stand.vm.start([POWER, *how])
    wait_for(over, 60, f"the end by {how[0]}")
    codes = list(stand.bus.codes)
    stand.vm.power_cut()
    return codes


def is_off():
    return not stand.vm.running


def has_said(text):
    return lambda: text in stand.vm.console.read_text(errors="replace")


ORDERLY = {
    "poweroff": (["poweroff"], is_off),
    "restart": (["restart"], is_off),
    "halt": (["halt"], has_said("System halted")),
    "kexec": (["kexec", IMAGE], has_said("Command line: console=ttyS0 panic=-1")),
}

stand = Stand()
stand.boot()
stand.module.init(stand.manufacturer)
stand.module.personalize(stand.unit)
resets = [ends()[0]]
for name, (words, over) in ORDERLY.items():
    with case(f"TPM2_Shutdown is the last command at {name}"):
        commands = end(words, over)
        expect_equal(commands[-1:], [SHUTDOWN], "last command")
        expect_equal(commands.count(SHUTDOWN), 1)
        expect(come_back(), "the TPM thinks that the power failed")
with case("rmmod does not shut the TPM down"):
    stand.bus.arm()
    stand.vm.sh("rmmod secmod")
    expect(SHUTDOWN not in stand.bus.codes)
    stand.vm.sh("tpm2_getrandom -T device:/dev/tpmrm0 --hex 4")
with case("after a power cut the TPM knows that there was no shutdown"):
    stand.vm.power_cut()
    expect(SHUTDOWN not in stand.bus.codes)
    expect(not come_back(), "the TPM thinks that it was shut down")
stand.vm.shutdown()
