#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Somebody on the bus who puts a storage root key of their own in place of the TPM's."""

import hashlib
import struct

from lib import (
    MODULE,
    VM,
    Bus,
    Manufacturer,
    Module,
    Tpm,
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    host,
)
from lib.bus import command_code, tpm_command
from lib.powercut import VAULT_COUNTER

NV_INCREMENT, START_AUTH_SESSION, READ_PUBLIC, LOAD_EXTERNAL = 0x134, 0x176, 0x173, 0x167
SRK = 0x81000001
REFUSED = "storage root key is not that of srk="


def key_pair():
    """Private scalar, x and y of a fresh P-256 key."""
    generate = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256"
    der = bytes.fromhex(
        host(f"{generate} | openssl pkey -outform DER | openssl ec -inform DER"
             " -outform DER 2>/dev/null | xxd -p | tr -d '\\n'").out
    )
    point = der[der.index(b"\x03\x42\x00\x04") + 4 :]
    return der[7:39], point[:32], point[32:64]


def public_area(attributes, x, y):
    """TPMT_PUBLIC of a P-256 storage key."""
    area = struct.pack(">HHIH", 0x23, 0xB, attributes, 0)
    area += struct.pack(">HHHHHH", 6, 128, 0x43, 0x10, 3, 0x10)
    return area + struct.pack(">H", 32) + x + struct.pack(">H", 32) + y


class Impostor:
    """Answers with its key when the machine asks for the SRK, and lets sessions be
    salted to it: the TPM holds a copy, so that they work."""

    def __init__(self, bus):
        self.bus = bus
        private, x, y = key_pair()
        self.claimed = public_area(0x00030472, x, y)
        name = b"\0\x0b" + hashlib.sha256(self.claimed).digest()
        self.answer = struct.pack(">H", len(self.claimed)) + self.claimed
        self.answer += 2 * (struct.pack(">H", len(name)) + name)
        # an external key may claim neither to be fixed to the TPM nor restricted
        loaded = public_area(0x00020040, x, y)
        loaded = loaded[:10] + struct.pack(">HHHH", 0x10, 0x10, 3, 0x10) + loaded[22:]
        sensitive = struct.pack(">HHHH", 0x23, 0, 0, 32) + private
        self.body = struct.pack(">H", len(sensitive)) + sensitive
        self.body += struct.pack(">H", len(loaded)) + loaded
        self.body += struct.pack(">I", 0x40000007)
        self.handle = None
        self.salted = 0

    def on_command(self, _, command):
        if command_code(command) != START_AUTH_SESSION:
            return None
        (key,) = struct.unpack(">I", command[10:14])
        if key != SRK:
            return None
        self.salted += 1
        return command[:10] + struct.pack(">I", self.handle) + command[14:]

    def on_answer(self, _, command, _answer):
        if command[6:14] != struct.pack(">II", READ_PUBLIC, SRK):
            return None
        return struct.pack(">HII", 0x8001, 10 + len(self.answer), 0) + self.answer

    def begin(self):
        """From now on, in a machine that has booted."""
        answer = self.bus.ask(tpm_command(LOAD_EXTERNAL, self.body))
        expect_equal(answer[6:10], bytes(4), "TPM2_LoadExternal")
        (self.handle,) = struct.unpack(">I", answer[10:14])
        self.salted = 0
        self.bus.arm(self.on_command, self.on_answer)

    def end(self):
        self.bus.arm()
        self.bus.ask(tpm_command(0x165, struct.pack(">I", self.handle)))


class Cipher:
    """Gives the session that writes the root secret another cipher: 256 bits of key."""

    def __init__(self):
        self.commits = self.changed = 0

    def on_command(self, _, command):
        if command[6:14] == struct.pack(">II", NV_INCREMENT, VAULT_COUNTER):
            self.commits += 1
        # the first raise makes the counter, the second commits the vault
        if command_code(command) != START_AUTH_SESSION or self.commits < 2 or self.changed:
            return None
        self.changed = 1
        return command[:-6] + struct.pack(">H", 256) + command[-4:]


def boot(parameters, impostor=None):
    vm.power_cut()
    vm.boot()
    if impostor:
        impostor.begin()
    vm.load_module(parameters)


bus = Bus()
tpm = Tpm(bus=bus)
manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
manufacturer.serve()
with VM(tpm=tpm) as vm:
    module = Module(vm)
    vm.load_module()
    with case("A24 bus: a root secret that arrives as noise is found at initialization"):
        cipher = Cipher()
        bus.arm(cipher.on_command)
        result = module.init(manufacturer, check=False)
        bus.arm()
        expect_equal(cipher.changed, 1)
        expect_rc(result, 1, "root secret: another one arrived in the TPM")
        expect_equal(module.state, "virgin")
        manufacturer.run("release", "SN-0001")
    with case("secmod init prints the parameter that names the storage root key"):
        printed = module.init(manufacturer)
        (srk,) = expect_match(r"options secmod (srk=\w{68})$", printed.out).groups()
        expect_equal(srk, "srk=" + module.attribute("tpm/srk_name"))
        expect_rc(vm.sh("tpm2_readpublic -Q -c 0x81000001 -n /tmp/name && xxd -p -c 99 /tmp/name"),
                  0, srk[4:])
    with case("a storage root key of no valid name is refused when the driver is loaded"):
        vm.sh("rmmod secmod")
        for wrong in (srk[:-1], srk + "0", srk[:-1] + "g"):
            result = vm.sh(f"insmod {MODULE} {wrong}", check=False)
            expect_rc(result, 1, "Invalid parameters")
        expect_match("parameter srk: .* is not 68 hex digits", vm.sh("dmesg").out)
    with case("srk= of another TPM: refused, with a sentence"):
        boot(srk[:-2] + ("00" if srk[-2:] != "00" else "01"))
        expect_equal(module.state, "failed")
        expect_match(REFUSED, module.attribute("last_error"))
    with case("srk= of another TPM: the root secret is locked all the same"):
        expect_rc(vm.sh("tpm2_nvread -s 64 0x1950002", check=False), 1, "0x148|locked")
    with case("srk= of another TPM: init --discard is refused"):
        other = Module(vm, module.vault + ".other")
        result = other.init(manufacturer, "SN-0001", "--discard", "--yes", check=False)
        expect_rc(result, 1, REFUSED)
    impostor = Impostor(bus)
    with case("A24 bus: with srk= another storage root key is refused before any session"):
        boot(srk, impostor)
        expect_equal(module.state, "failed")
        expect_match(REFUSED, module.attribute("last_error"))
        expect(START_AUTH_SESSION not in bus.codes, "a session was started")
        impostor.end()
    with case("A24 bus: without srk= it is found when the vault is attached"):
        boot("", impostor)
        expect_equal(module.state, "detached")
        expect(impostor.salted > 0, "no session was salted to the impostor's key")
        result = module.attach(check=False)
        expect_rc(result, 1, "storage root key is not the one of the initialization")
        expect_equal(module.state, "detached")
        impostor.end()
    with case("A24 bus: the next start without the impostor is a healthy one, with all that was there"):
        boot(srk)
        module.attach()
        expect_equal(module.state, "personalization")
