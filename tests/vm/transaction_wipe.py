#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Nothing of a transaction key is left in the machine's memory when it has ended.

The machine's memory is a file of the host, in which the test looks for the keys.
"""

import mmap

from lib import VM, Central, Manufacturer, Module, Tpm, Unit, case, expect_equal, run_dir
from lib.gp import Talk
from lib.seal import Sealer, TransactionKey

MEMORY = 512  # MiB


class Memory:
    """All of the guest's."""

    def __init__(self):
        self.path = run_dir() / "memory"
        backend = f"memory-backend-file,id=ram,size={MEMORY}M,mem-path={self.path},share=on"
        self.arguments = ["-object", backend, "-machine", "memory-backend=ram"]

    def holds(self, **keys):
        """Names of those keys that are somewhere in it."""
        with open(self.path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as all:
            return {name for name, key in keys.items() if all.find(key.key) >= 0}


def ended(vm, talk, sealer, module, memory):
    with case("A11 keys in use are in memory: the search finds them"):
        keys = {
            "used up": TransactionKey(0x40, messages=1).put(talk),
            "expired": TransactionKey(0x41, lifetime=30).put(talk),
            "replaced twice": TransactionKey(0x42).put(talk),
            "revoked": TransactionKey(0x43).put(talk),
            "in use": TransactionKey(0x44).put(talk),
        }
        expect_equal(sealer.seal(0x44, b"x")[0] != "", True)
        expect_equal(memory.holds(**keys), set(keys))
    with case("A11 used up, expired, replaced, revoked: wiped from memory"):
        sealer.seal(0x40, b"x")
        TransactionKey(0x42).put(talk)
        TransactionKey(0x42).put(talk)
        expect_equal(talk.sw("80E40000", b"\xd2\1\x43"), 0x9000)
        expect_equal(memory.holds(**keys) - {"expired"}, {"in use"})
        vm.wait_for(lambda: memory.holds(**keys) == {"in use"}, 90, "the end of a lifetime")
    with case("A11 a detach wipes from memory"):
        module.secmod("detach")
        expect_equal(memory.holds(**keys), set())


tpm = Tpm()
memory = Memory()
manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
unit = Unit(manufacturer, in_tpm=False)
central = Central(manufacturer, unit)
manufacturer.serve()
unit.serve()
with VM(tpm=tpm, memory=MEMORY, extra=memory.arguments) as vm:
    vm.load_module()
    module = Module(vm)
    module.init(manufacturer)
    module.personalize(unit)
    talk, sealer = Talk(vm), Sealer(vm)
    talk.open_central(central.dir)
    ended(vm, talk, sealer, module, memory)
    talk.close()
    sealer.close()
    with case("A11 unloading the driver wipes from memory"):
        module.attach()
        talk = Talk(vm)
        talk.open_central(central.dir)
        key = TransactionKey(0x40).put(talk)
        expect_equal(memory.holds(key=key), {"key"})
        talk.close()
        vm.sh("rmmod secmod")
        expect_equal(memory.holds(key=key), set())
