#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""TPMs that initialization refuses: with a sentence, and nothing in them changes."""

from lib import VM, Bus, Manufacturer, Module, Tpm, case, comment, expect, expect_equal, expect_match, expect_rc
from lib.holdings import DISCARD, EK_RSA, Begin, Fill, Holdings, Lie, elements
from lib.powercut import EPOCH, IDENTITY, KEY, ROOT, VAULT_COUNTER

ALGORITHMS = {
    0x0B: "SHA-256", 0x05: "HMAC", 0x06: "AES", 0x43: "AES in CFB mode",
    0x23: "ECC", 0x18: "ECDSA", 0x19: "ECDH",
}  # fmt: skip
# TPM_PT, its value, errno and sentence
PROPERTIES = [
    (0x201, 0x8000000D, "EACCES: the TPM's owner hierarchy is disabled: enable it"),
    (0x201, 0x8000000B, "EACCES: the TPM's endorsement hierarchy is disabled: enable it"),
    (0x117, 63, "EOPNOTSUPP: the TPM has no NV index of 64 bytes"),
    (0x12C, 63, "EOPNOTSUPP: the TPM does not write 64 bytes of NV at once"),
    (0x207, 1, "EBUSY: the TPM's slots for keys are taken"),
    (0x204, 1, "EBUSY: the TPM's slots for sessions are taken"),
    (0x209, 1, "ENOSPC: .* room for 1 persistent keys, the module needs 2"),
    (0x20B, 1, "ENOSPC: .* room for 1 counters, the module needs 2"),
]
SRK = 0x81000001
TOOLS = "TPM2TOOLS_TCTI=device:/dev/tpmrm0"  # or they look for a daemon first
CHANGE = f"{TOOLS} tpm2_changeauth -c"
FULL = "the TPM's NV space"


def lacking(bus, begin):
    """The bus makes the TPM say that it cannot do a thing."""
    with case("A8 a TPM that lacks an algorithm is refused, and told which"):
        for number, name in ALGORITHMS.items():
            lie = Lie(0, number)
            bus.arm(on_answer=lie)
            begin.refused(f"EOPNOTSUPP: the TPM lacks {name}: another TPM is needed")
            expect(lie.told, f"{name} was not asked for")
    with case("A8 a TPM without the curve P-256 is refused"):
        bus.arm(on_answer=Lie(8, 3))
        begin.refused("EOPNOTSUPP: the TPM lacks the curve NIST P-256")
    with case("A8 a TPM without RSA is refused for an RSA endorsement key, and only for it"):
        bus.arm(on_answer=Lie(0, 1))
        begin.refused("EOPNOTSUPP: the TPM lacks RSA", EK_RSA)
        begin.works()
    with case("A8 a TPM that lacks a command is refused, and told which"):
        for number, name in {0x184: "NV_Certify", 0x14F: "NV_ReadLock", 0x149: "PolicyNV",
                             0x134: "NV_Increment", 0x147: "ActivateCredential"}.items():
            expect(number in elements(bus, 2))
            bus.arm(on_answer=Lie(2, number))
            begin.refused(f"EOPNOTSUPP: the TPM lacks TPM2_{name}: another TPM")
    for number, value, reason in PROPERTIES:
        with case(f"A2 property {number:#x} is {value:#x}: {reason}"):
            lie = Lie(6, number, value)
            bus.arm(on_answer=lie)
            begin.refused(reason)
            expect(lie.told, "it was not asked for")
    bus.arm()
    with case("A24 all of that said truly, it is taken"):
        begin.works(0, IDENTITY, EPOCH, VAULT_COUNTER, ROOT)
        begin.works(EK_RSA, IDENTITY)


def no_srk(bus, begin):
    with case("A2 without a storage root key there must be room for that too"):
        expect_equal(Fill(bus).persist(SRK, SRK), 0)
        bus.arm(on_answer=Lie(6, 0x209, 2))
        begin.refused("ENOSPC: .* room for 2 persistent keys, the module needs 3")
        bus.arm(on_answer=Lie(6, 0x209, 3))
        expect_equal(begin.begin(), "ok")
        begin.close()
        bus.arm()


def failing(bus, begin):
    def failed(_number, _command, _answer):
        return bytes.fromhex("8001 0000000a 00000101")

    with case("A2 a TPM in failure mode is refused with the way out"):
        before = Holdings(begin.tpm)
        bus.arm(on_answer=failed)
        answer = begin.begin()
        bus.arm()
        begin.close()
        expect_match("^EIO: .*TPM_RC_FAILURE: .*turn the machine off and on", answer)
        before.expect(begin.tpm)


def owned(vm, begin):
    for hierarchy in ("owner", "endorsement"):
        with case(f"A2 {hierarchy} authorization is set: refused with the way out, which works"):
            vm.sh(f"{CHANGE} {hierarchy} secret")
            begin.refused(f"EACCES: the TPM's {hierarchy} authorization is set: empty it "
                          rf"\(tpm2_changeauth -c {hierarchy} -p OLD\)")
            vm.sh(f"{CHANGE} {hierarchy} -p secret")
            begin.works()
    with case("A2 lockout authorization and lockout itself are no hindrance"):
        vm.sh(f"{CHANGE} lockout secret")
        vm.sh(f"{TOOLS} tpm2_dictionarylockout -p secret -s -n 1 -t 1000 -l 1000")
        begin.works(EK_RSA)


def slots(bus, begin):
    """Others hold all slots but so many."""
    fill = Fill(bus)
    for what, take, least, reason in (
        ("keys", fill.key, 0x80000000, "slots for keys are taken"),
        ("sessions", fill.session, 0x03000000, "slots for sessions are taken"),
    ):
        with case(f"A2 one slot for {what} that is left is too few, two are enough"):
            held = [take(), take()]
            begin.refused(f"EBUSY: the TPM's {reason}")
            fill.flush(held.pop())
            begin.works(EK_RSA, IDENTITY)
            fill.flush(held.pop())


def foreign(bus, begin, vm):
    fill = Fill(bus)
    for index in (EPOCH, VAULT_COUNTER, ROOT):
        with case(f"A24 a foreign index at {index:#x} is refused, beside it is none of our business"):
            expect_equal(fill.define(index, 16), 0)
            expect_equal(fill.define(index + 8, 16), 0)
            begin.refused(f"EEXIST: NV index {index:#010x} holds a foreign object: remove it or choose")
            fill.undefine(index)
            begin.works()
            fill.undefine(index + 8)
    for handle in (IDENTITY, KEY, KEY + 1):
        with case(f"A24 a foreign key at {handle:#x} is refused"):
            key = fill.key()
            expect_equal(fill.persist(key, handle), 0)
            fill.flush(key)
            begin.refused(f"EEXIST: handle {handle:#x} holds a foreign object: remove it or choose")
            fill.persist(handle, handle)
            begin.works()


def claim_room(number, command, answer):
    """What the TPM says of its room is believed: the making itself must fail."""
    keys = Lie(6, 0x209, 9)(number, command, answer)
    return keys or Lie(6, 0x20B, 9)(number, command, answer)


def no_room(bus, begin):
    fill = Fill(bus)
    with case("A2 no room for persistent keys: refused before anything is made"):
        releases = fill.persist_all(0x81030000)
        begin.refused(f"ENOSPC: {FULL} has room for 0 persistent keys, the module needs 2")
    releases += fill.define_all(0x01810000, (1600, 400, 100, 25, 4))
    with case("A2 NV space that ends in the midst of the making: all is taken back"):
        bus.arm(on_answer=claim_room)
        places = []
        while (answer := begin.begin()) != "ok" and releases:
            begin.close()
            before = Holdings(begin.tpm)
            expect_match(f"^ENOSPC: .* 0x14b TPM_RC_NV_SPACE: {FULL} is full: remove", begin.begin())
            before.expect(begin.tpm, touched=True)
            places.append(answer.split(": ")[1])
            releases.pop()()
        begin.close()
        expect_equal(answer, "ok")
        comment(f"{len(places)} refusals: {', '.join(dict.fromkeys(places))}")
        expect(len(set(places)) >= 2, "the making failed at one place only")
    bus.arm()
    for release in releases:
        release()
    with case("A2 with room again, it is taken"):
        begin.works()


def discard(vm, begin, manufacturer):
    """A module that is there survives a refused --discard."""
    module = Module(vm)
    fill = Fill(tpm.bus)
    module.init(manufacturer)
    module.secmod("detach")
    refused = (
        ("owner authorization", lambda: vm.sh(f"{CHANGE} owner secret"),
         lambda: vm.sh(f"{CHANGE} owner -p secret"),
         "EACCES: the TPM's owner authorization is set"),
        ("foreign module key", lambda: (fill.persist(0x80000000, KEY), fill.flush(0x80000000)),
         lambda: fill.persist(KEY, KEY), "EEXIST: handle 0x81150001 holds a foreign"),
        ("no slot", lambda: (fill.key(), fill.key()),
         lambda: (fill.flush(0x80000000), fill.flush(0x80000001)), "EBUSY: the TPM's slots for keys"),
    )  # fmt: skip
    for name, spoil, mend, reason in refused:
        with case(f"A24 init --discard that is refused ({name}) leaves the module as it is"):
            if "module key" in name:
                fill.key()
            spoil()
            begin.refused(reason, DISCARD)
            expect_equal(module.state, "detached")
            mend()
            module.attach()
            expect_equal(module.state, "personalization")
            module.secmod("detach")
    with case("A24 init --discard that is refused (foreign counter) removes nothing"):
        expect_equal(fill.undefine(VAULT_COUNTER), 0)
        expect_equal(fill.define(VAULT_COUNTER, 16), 0)
        begin.refused(f"EEXIST: NV index {VAULT_COUNTER:#010x} holds a foreign", DISCARD)
        fill.undefine(VAULT_COUNTER)
    with case("A2 init --discard, refused by nobody, starts anew"):
        expect_rc(module.secmod("init", manufacturer.guest_endpoint, "--root", manufacturer.root,
                                "--serial", "SN-0002", "--vault", "/var/lib/secmod/new",
                                "--discard", "--yes"), 0, "SN-0002")  # fmt: skip


tpm = Tpm(bus=Bus())
manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
manufacturer.serve(None, "--instances", "2")
with VM(tpm=tpm) as vm:
    vm.load_module()
    begin = Begin(vm, tpm)
    begin.begin()  # makes the storage root key
    begin.close()
    lacking(tpm.bus, begin)
    no_srk(tpm.bus, begin)
    failing(tpm.bus, begin)
    slots(tpm.bus, begin)
    foreign(tpm.bus, begin, vm)
    no_room(tpm.bus, begin)
    owned(vm, begin)
    discard(vm, begin, manufacturer)
