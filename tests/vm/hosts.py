#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Hosts of other makers, as Debian ships them, drive the module over PC/SC: gpshell, and
Yubico's library."""

import json

from lib import BUILD, REPO, case, expect, expect_equal, expect_match, host
from lib.cards import cards_of_a_module
from lib.gp import Keyset, certificate_of
from lib.reader import Reader
from lib.tap import skip_all

HOSTS = BUILD / "hosts"
LEVELS = (0x01, 0x03, 0x11, 0x13)
KEYSETS = "80CADF22"


class Yubico:
    """The library, in a process of the guest."""

    def __init__(self, vm):
        path = f"PYTHONPATH={HOSTS}/usr/lib/python3/dist-packages"
        self._process = vm.start(f"{path} {REPO}/tests/vm/tools/yubico.py")

    def ask(self, *words):
        self._process.write(json.dumps(words) + "\n")
        return json.loads(self._process.read_line(timeout=120))

    def scp03(self, keyset):
        return self.ask("scp03", keyset.kvn, *(key.hex() for key in keyset.keys))

    def scp11a(self, cards, *before):
        """With a chain of certificates, the last is the central system's."""
        talk = cards.talk()
        talk.select()
        point = talk.module_point().hex()
        talk.close()
        chain = [certificate_of(path).hex() for path in (*before, cards.central / "central.pem")]
        return self.ask("scp11a", (cards.central / "central.key").read_text(), point, *chain)

    def close(self):
        self._process.close_input()
        expect_equal(self._process.wait(), 0, self._process.err)


def options(keyset):
    return f"-mac_key {keyset.mac.hex()} -enc_key {keyset.enc.hex()} -kek_key {keyset.dek.hex()}"


def gpshell(vm, *lines, check=True):
    """Each line in its turn, until one fails; what it printed."""
    script = vm.share / "script"
    script.write_text("\n".join([
        "mode_211", "enable_trace", "establish_context", "card_connect",
        "select -AID A000000151000000", *lines, "card_disconnect", "release_context\n",
    ]))
    library = f"LD_LIBRARY_PATH={HOSTS}/usr/lib/x86_64-linux-gnu"
    result = vm.sh(f"{library} {HOSTS}/usr/bin/gpshell {script}", check=check)
    return result.out + result.err


def opened(keyset, level=0x03):
    """The card's own data tell it that this is SCP03, and its options.

    It has no room for a response that is encrypted, nor for that of PUT KEY with a MAC.
    """
    return f"open_sc -security {level} -keyind 0 -keyver {keyset.kvn} {options(keyset)}"


def put(keyset, old=0):
    return f"put_sc_key -keyver {old} -newkeyver {keyset.kvn} {options(keyset)}"


def yubicos(cards, kdc, wrong):
    uid = "4510" + cards.uid
    yubico = Yubico(cards.module.vm)
    with case("A11 Yubico's host opens SCP11a with the central key, also with a chain"):
        for chain in (), (cards.unit.certificate,):
            expect_equal(yubico.scp11a(cards, *chain), None)
            expect_equal(yubico.ask("send", "80CA0045"), uid)
            expect_match("^df220d3010", yubico.ask("send", KEYSETS))
    with case("A28 Yubico's host opens nothing with a chain of another signer"):
        expect_equal(yubico.scp11a(cards, cards.manufacturer.root), {"sw": 0x6982})
    with case("B5 Yubico's host opens SCP03 with the transport keyset"):
        expect_equal(yubico.scp03(kdc), None)
        expect_equal(yubico.ask("send", "80CA0045"), uid)
        expect_match("^df22", yubico.ask("send", KEYSETS))
    with case("B8 Yubico's host finds out that the module has another keyset"):
        expect_match("Wrong SCP03 key set", yubico.scp03(wrong)["error"])
    yubico.close()


def gpshells(cards, kdc):
    vm = cards.module.vm
    krk, mk = Keyset(0x31), Keyset(0x38)
    with case("B5 gpshell puts KRK and MK with the transport keyset"):
        gpshell(vm, opened(kdc), put(krk), put(mk))
        expect_equal(sorted(cards.keysets()), [0x30, 0x31, 0x38])
        expect_equal(cards.keysets()[0x38][3], mk.kcvs)
    with case("B9 gpshell replaces the MK with the KRK"):
        for kvn, level in ((0x39, 0x01), (0x3A, 0x03)):
            new = Keyset(kvn)
            gpshell(vm, opened(krk, level), put(new, mk.kvn))
            mk = new
            expect_equal(cards.keysets()[kvn][3], mk.kcvs)
    with case("B8 gpshell reads with the MK at levels 01 to 13"):
        for level in LEVELS:
            out = gpshell(vm, opened(mk, level), "get_status -element 80")
            expect_match("(?i)^a000000151000000", out)
    with case("B8 gpshell finds out that the module has another keyset"):
        out = gpshell(vm, opened(Keyset(mk.kvn)), check=False)
        expect_match("(?i)cryptogram", out)
        expect_equal(cards.keysets()[mk.kvn][3], mk.kcvs)
    with case("B5 gpshell deletes the transport keyset with the MK"):
        out = gpshell(vm, opened(mk), f"delete_key -keyver {kdc.kvn}")
        expect_equal(sorted(cards.keysets()), [0x31, mk.kvn], out)


fetched = host([REPO / "tests/hosts.sh"], timeout=500, check=False)
if fetched.rc == 75:
    skip_all(fetched.err.strip().splitlines()[-1])
expect(fetched.rc == 0, fetched)
with cards_of_a_module() as cards:
    kdc = Keyset(0x30)
    talk = cards.talk()
    talk.open_central(cards.central)
    talk.put_keys(kdc)
    talk.close()
    Reader(cards.module.vm)
    yubicos(cards, kdc, Keyset(0x30))
    gpshells(cards, kdc)
