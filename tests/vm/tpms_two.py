#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Machines with two TPMs, or with one that comes and goes: the kernel's vtpm proxy lends
swtpm of the guest a device. The driver takes the first TPM there is when it is loaded."""

from lib import (
    VM,
    Central,
    Manufacturer,
    Module,
    Tpm,
    Unit,
    case,
    expect,
    expect_equal,
    expect_rc,
)
from lib.powercut import IDENTITY, KEY

STATE = "/tmp/proxied"


def plug(vm, number, state=None):
    """A TPM more, with a copy of the state, or a new one. The kernel drops one that is
    slow to answer at first, as it is on a busy host: then it is plugged again."""
    vm.sh(f"modprobe tpm_vtpm_proxy && mkdir {STATE}")
    if state:
        vm.sh(f"cp {state}/*.permall {STATE}")

    def there():
        vm.sh(
            f"test -d /proc/$(cat {STATE}/pid 2>/dev/null)/fd || swtpm chardev --tpm2 --vtpm-proxy"
            f" --tpmstate dir={STATE} -d --pid file={STATE}/pid --flags startup-clear",
            check=False,
        )
        return vm.sh(f"test -c /dev/tpmrm{number}", check=False).rc == 0

    vm.wait_for(there, 120, f"/dev/tpmrm{number}")


def unplug(vm, number):
    vm.sh(f"kill $(cat {STATE}/pid)")
    vm.wait_for(f"test ! -e /dev/tpm{number}")


def persistent(vm, number):
    listing = vm.sh(f"tpm2_getcap -T device:/dev/tpmrm{number} handles-persistent").out
    return [int(line.removeprefix("- "), 16) for line in listing.splitlines()]


def ours(vm, number):
    return [handle for handle in persistent(vm, number) if handle in (IDENTITY, KEY)]


first = Tpm()
manufacturer = Manufacturer(ek_ca=first.ek_ca)
unit = Unit(manufacturer, in_tpm=False)
Central(manufacturer, unit)
manufacturer.serve()
unit.serve()

with VM(tpm=first) as vm:
    module = Module(vm)
    plug(vm, 1)
    vm.load_module()
    with case("A2 of two TPMs the first has the module, the second nothing of it"):
        module.init(manufacturer)
        expect_equal(ours(vm, 0), [IDENTITY])
        expect_equal(persistent(vm, 1), [])
    with case("A2 the second goes, the module does not mind"):
        unplug(vm, 1)
        module.personalize(unit)
        expect_equal(module.state, "operating")
disk = vm.disk

with VM(tpm=Tpm(name="other"), disk=disk, name="exchanged") as vm:
    module = Module(vm)
    plug(vm, 1, first.state)
    with case("A24 another TPM has become the first: the module is not looked for in the second"):
        expect_equal(ours(vm, 1), [IDENTITY, KEY])
        vm.load_module()
        expect_equal(module.state, "virgin")
        expect_rc(module.attach(check=False), 1, "virgin")

with VM(disk=disk, name="proxied") as vm:
    module = Module(vm)
    plug(vm, 0, first.state)
    vm.load_module()
    with case("A2 alone, it is the first: the module is there"):
        module.attach()
        expect_equal(module.state, "operating")
        module.secmod("attest")
    with case("A2 the TPM goes while the module is used: it is told, and the driver can be unloaded"):
        unplug(vm, 0)
        result = module.secmod("attest", check=False)
        expect_rc(result, 1, "the TPM is gone or suspended")
        vm.sh("rmmod secmod")
        expect(vm.sh("test -e /dev/secmod0", check=False).rc, "the device is there")
