#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Nothing of a key is left in the machine's memory when it has ended: those of channels,
keysets that were replaced, transaction keys.

The machine's memory is a file of the host, in which the test looks for the keys.
"""

import mmap

from lib import VM, Central, Manufacturer, Module, Tpm, Unit, case, expect_equal, run_dir
from lib.gp import Keyset, Talk
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
            return {name for name, key in keys.items() if all.find(key) >= 0}


def of_channel(name, talk):
    """Its keys, as the host has them."""
    names = ("enc", "mac", "rmac", "dek")
    return {f"{name} {part}": getattr(talk, part) for part in names}


def of_keyset(name, keyset):
    return {f"{name} {number}": key for number, key in enumerate(keyset.keys)}


def channels(vm, central, memory):
    kdc, krk, old, new = (Keyset(kvn, 32) for kvn in (0x30, 0x31, 0x38, 0x39))
    talks = {name: Talk(vm) for name in ("central", "transport", "replacement", "master")}
    talks["central"].open_central(central.dir)
    talks["central"].put_keys(kdc)
    talks["transport"].open(kdc)
    talks["transport"].put_keys(krk)
    talks["transport"].put_keys(old)
    keys = of_channel("transport", talks["transport"]) | of_keyset("KDC", kdc)
    with case("A11 keys of an open channel, and of keysets, are in memory: the search finds them"):
        expect_equal(memory.holds(**keys), set(keys))
    with case("A11 B5 the end of the first load wipes the transport keyset and its channel"):
        expect_equal(talks["transport"].sw("80F0800F"), 0x9000)
        expect_equal(memory.holds(**keys), set())
    with case("A11 B8 a master keyset that is replaced is wiped, with the channels it is in"):
        talks["replacement"].open(krk)
        talks["master"].open(old)
        keys = of_keyset("MK", old) | of_channel("replacement", talks["replacement"])
        keys |= of_channel("master", talks["master"])
        expect_equal(memory.holds(**keys), set(keys))
        talks["replacement"].put_keys(new, old=old.kvn)
        expect_equal(memory.holds(**keys), {"replacement dek"})  # the KRK's own
        # what the other file had open has ended with it
        expect_equal(talks["master"].sw("80CADF22"), 0x6982)
    with case("A11 a channel's keys are wiped when its file is closed"):
        talks["master"].open(new)
        keys = of_channel("master", talks["master"]) | of_channel("central", talks["central"])
        del keys["master dek"]
        expect_equal(memory.holds(**keys), set(keys))
        for talk in talks.values():
            talk.close()
        expect_equal(memory.holds(**keys), set())
    return of_keyset("KRK", krk) | of_keyset("MK", new)


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
        keys = {name: key.key for name, key in keys.items()}
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
    keysets = channels(vm, central, memory)
    talk, sealer = Talk(vm), Sealer(vm)
    talk.open_central(central.dir)
    ended(vm, talk, sealer, module, memory)
    talk.close()
    sealer.close()
    with case("A11 A21 a reset wipes from memory"):
        module.attach()
        talk = Talk(vm)
        talk.open_central(central.dir)
        keys = keysets | {"key": TransactionKey(0x40).put(talk).key}
        keys |= of_channel("central", talk)
        expect_equal(memory.holds(**keys), set(keys))
        module.secmod("reset", "--yes")
        expect_equal(memory.holds(**keys), set())
        talk.close()
    with case("A11 unloading the driver wipes from memory"):
        module.personalize(unit)
        talk = Talk(vm)
        talk.open_central(central.dir)
        key = TransactionKey(0x40).put(talk).key
        expect_equal(memory.holds(key=key), {"key"})
        talk.close()
        vm.sh("rmmod secmod")
        expect_equal(memory.holds(key=key), set())
