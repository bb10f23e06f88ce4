#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Vaults that are not the module's newest, and TPMs that are not as expected."""

import struct

from lib import (
    BUILD,
    MODULE,
    VM,
    Disk,
    Manufacturer,
    Module,
    Tpm,
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    host,
    serving,
)

DIR = "/var/lib/secmod"
SLOT = 65536  # kernel/vault.c


class Second(Module):
    """Instance 1 of the driver."""

    def secmod(self, *words, check=True, **options):
        return super().secmod("--device", "/dev/secmod1", *words, check=check, **options)

    def attribute(self, name):
        return self.vm.sh(["cat", f"/sys/class/secmod/secmod1/{name}"]).out.strip()


def refused(module, file, reason):
    result = module.secmod("attach", "--vault", f"{DIR}/{file}", check=False)
    expect_rc(result, 1, reason)
    expect_equal(module.state, "detached")


def current_slot(vm):
    """Number of the slot that was written last, by the counter in its header."""
    script = f"for i in 0 1; do xxd -p -s $((i * {SLOT} + 16)) -l 8 {module.vault}; done"
    counters = [int(line, 16) for line in vm.sh(script).out.split()]
    return counters.index(max(counters))


# octets of a slot's header (kernel/slot.c), and why one wrong bit is refused
HEADER = {
    "magic": (0, 8, "EBADMSG: vault: damaged|ESTALE: .*newest copy"),
    "version": (8, 4, "EBADMSG: vault: damaged"),
    "length": (12, 4, "EBADMSG: vault: damaged"),
    "counter": (16, 8, "ESTALE: .*newest copy"),
    "UID": (24, 16, "EBADMSG: vault: it belongs to another module|ESTALE: .*newest copy"),
    "salt": (40, 32, "EBADMSG: vault: damaged"),
}
HEADER_SIZE, TAG_SIZE = 72, 16


def flips(vm, offsets):
    """What an attach says with a bit wrong at each offset of a copy of the vault."""
    vm.sh(f"cp {DIR}/secmod0.vault {DIR}/spoiled")
    tool = [BUILD / "vm/attach_fd", "/dev/secmod0", "flip", f"{DIR}/spoiled"]
    return vm.sh([*tool, *offsets]).out.splitlines()


def spoiled(module, vm):
    """Copies of the vault with one thing wrong each."""
    at = current_slot(vm) * SLOT
    (length,) = struct.unpack(">I", bytes.fromhex(
        vm.sh(f"xxd -p -s {at + 12} -l 4 {module.vault}").out))
    end = HEADER_SIZE + length
    regions = {
        **HEADER,
        "record": (HEADER_SIZE, length, "EBADMSG: vault: damaged"),
        "tag": (end, TAG_SIZE, "EBADMSG: vault: damaged"),
    }
    for name, (start, size, reason) in regions.items():
        with case(f"A24 a vault with a flipped bit in its {name} is refused"):
            offsets = range(at + start, at + start + size, max(1, size // 32))
            said = flips(vm, offsets)
            expect_equal(len(said), len(offsets))
            for verdict in said:
                expect_match(f"^({reason})", verdict)
            expect_equal(module.state, "detached")
    with case("a flipped bit in the older slot, or behind this one, does not matter"):
        older = SLOT - at
        said = flips(vm, [*range(older, older + HEADER_SIZE, 4)])
        expect_equal(set(said), {"ok"})
    with case("A24 a truncated vault is refused"):
        vm.sh(f"cp {module.vault} {DIR}/short && truncate -s $(({at} + 100)) {DIR}/short")
        refused(module, "short", "damaged|newest copy")
    with case("an empty file is no vault"):
        vm.sh(f": >{DIR}/empty")
        refused(module, "empty", "no vault")
    with case("A24 a vault with a second name is refused: removing one would not remove it"):
        vm.sh(f"ln {module.vault} {DIR}/second-name")
        refused(module, "secmod0.vault", "2 links")
        vm.sh(f"rm {DIR}/second-name")
    with case("A24 an older copy of the vault is refused"):
        refused(module, "older", "newest copy")


def fresh(vm, vault, identity):
    """What the second module says to a reset with this file and this certificate."""
    made = f"{vm.share}/second"
    words = ["/dev/secmod1", "fresh", vault, f"{made}/checking.der", f"{made}/{identity}.der"]
    return vm.sh([BUILD / "vm/attach_fd", *words]).out.strip()


def swapped(module, second, vm):
    with case("A28 another module's vault is refused"):
        second.secmod("detach")
        refused(module, "secmod1.vault", "another module")
    second.attach()
    module.attach()
    with case("A28 two instances cannot have one file"):
        expect_equal(fresh(vm, module.vault, "good"), "EBUSY: vault: it is the vault of secmod0")
        module.secmod("detach")
        module.attach()
        expect_equal(module.state, "operating")


# an identity certificate that is right but for one thing, and why the second module refuses it
IDENTITIES = {
    "other-key": ("over another key", "EKEYREJECTED: identity certificate: it is over another key"),
    "other-uid": ("with another UID", "EKEYREJECTED: identity certificate: UID is another module's"),
    "other-role": ("of another role", "EKEYREJECTED: identity certificate: role is unit-tls, not"),
    "other-issuer": ("that another key signed", "EKEYREJECTED: identity certificate: signature is"),
    "expired": ("that has expired", "EKEYEXPIRED: identity certificate: not valid after"),
}


def foreign_identities(second, vm):
    for name, (what, reason) in IDENTITIES.items():
        with case(f"A28 a fresh vault with an identity certificate {what} is refused"):
            expect_match(f"^{reason}", fresh(vm, f"{DIR}/new", name))
            expect_equal(second.attribute("state"), "operating")
    with case("A28 a fresh vault with the right certificate is taken"):
        expect_equal(fresh(vm, f"{DIR}/new", "good"), "ok")
        expect_equal(second.attribute("state"), "personalization")


def dead_disk(module, disk):
    """The disk dies between the raise of the epoch and the vault's commit."""

    def die(*_):
        raise OSError("the disk is gone")

    with case("A2 a reset whose vault cannot be written has killed the key all the same"):
        before = module.attribute("epoch")
        disk.watch(on_write=die)
        result = module.secmod("reset", "--yes", check=False)
        expect_rc(result, 1, "vault: writing failed")
        expect_equal(module.state, "detached")
        expect_equal(module.attribute("epoch"), str(int(before) + 1))
    with case("A2 the next attach finishes that reset"):
        disk.watch()  # a new one, as it were
        module.reboot()
        module.attach()
        expect_equal(module.state, "personalization")
        expect_equal(module.attribute("module_key"), "")
    with case("A2 the next personalization makes a new key"):
        module.personalize(unit)
        expect_equal(module.state, "operating")


def sabotaged(tpm):
    manufacturer = Manufacturer("sabotage", ek_ca=tpm.ek_ca)
    manufacturer.serve()
    with VM(tpm=tpm, name="sabotage") as vm:
        module = Module(vm)
        vm.load_module()
        module.init(manufacturer)
        vm.power_cut()
        vm.boot()
        index = "0x1950001"
        vm.sh(f"tpm2_nvundefine -Q -C o {index}")
        vm.load_module()
        with case("A24 a module without its counter is failed, its root secret locked all the same"):
            expect_equal(module.state, "failed")
            expect_match("a counter.*is missing.*--discard", module.attribute("last_error"))
            expect_rc(vm.sh("tpm2_nvread -s 64 0x1950002", check=False), 1, "0x148|locked")
        with case("its reason outlives what is asked of it in vain"):
            module.secmod("attest", "--nonce", "00" * 32, check=False)
            expect_match("a counter.*is missing", module.attribute("last_error"))
        vm.power_cut()
        vm.boot()
        vm.sh(f"tpm2_nvdefine -Q {index} -C o -s 8 -a 'ownerwrite|ownerread'")
        vm.load_module()
        with case("A24 nor does a foreign index in the counter's place make it virgin"):
            expect_equal(module.state, "failed")
            expect_rc(vm.sh("tpm2_nvread -s 64 0x1950002", check=False), 1, "0x148|locked")
        with case("the way out destroys what is left, and a new module can be made"):
            vm.sh(f"tpm2_nvundefine -Q -C o {index}")
            manufacturer.run("release", "SN-0001")
            vm.sh(f"rm -f {module.vault}")
            module.init(manufacturer, "SN-0001", "--discard", "--yes")
            expect_equal(module.state, "personalization")


def occupied(tpm):
    manufacturer = Manufacturer("other-block", ek_ca=tpm.ek_ca)
    manufacturer.serve()
    with VM(tpm=tpm, name="block") as vm:
        module = Module(vm)
        vm.sh("tpm2_nvdefine -Q 0x01950001 -C o -s 8 -a 'ownerwrite|ownerread'")
        vm.load_module()
        with case("a foreign object on a handle is named, and nothing is changed"):
            result = module.init(manufacturer, check=False)
            expect_rc(result, 1, "0x01950001 holds a foreign object.*handles=")
            expect_equal(module.state, "virgin")
            indices = vm.sh("tpm2_getcap handles-nv-index").out.lower()
            expect("1950001" in indices and "1950000" not in indices, indices)
        vm.sh("rmmod secmod")
        vm.load_module("handles=0x160000")
        with case("another block of handles works beside it"):
            # what the refused attempt left of its file goes first
            vm.sh(f"rm -f {module.vault}")
            module.init(manufacturer)
            expect_equal(module.state, "personalization")
            expect_equal(module.attribute("tpm/epoch_index"), "0x01960000")
        with case("a block that is no block is refused when the driver is loaded"):
            vm.sh("rmmod secmod")
            result = vm.sh(f"insmod {MODULE} handles=0x150003", check=False)
            expect_rc(result, 1, "Invalid parameters")
            expect_match("handles: 0x150003 is not a multiple of 8", vm.sh("dmesg").out)


tpm = Tpm()
manufacturer, unit = serving(tpm, "--instances", "2")
disk = Disk()
broken = ["I/O error", "EXT4-fs", "JBD2", "journal"]
with VM(tpm=tpm, nbd=disk, allow=broken) as vm:
    vm.load_module("instances=2")
    module, second = Module(vm), Second(vm, f"{DIR}/secmod1.vault")
    module.init(manufacturer)
    second.init(manufacturer, "SN-0002")
    vm.sh(f"cp {module.vault} {DIR}/older")
    module.personalize(unit)
    second.personalize(unit)
    vm.sh(f"mkdir -p {vm.share}/second")
    second.secmod("certs", "--out-dir", f"{vm.share}/second")
    host([BUILD / "vm/evil_identity", manufacturer.dir, vm.share / "second",
          vm.share / "second/identity.pem"])
    module.secmod("detach")
    spoiled(module, vm)
    swapped(module, second, vm)
    foreign_identities(second, vm)
    dead_disk(module, disk)
sabotaged(Tpm())
occupied(Tpm())
