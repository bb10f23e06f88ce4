#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The executive's channels and keysets: from the central system's key to a new master key."""

from lib import VM, Central, Manufacturer, Module, Tpm, Unit, case, expect, expect_equal, host
from lib.gp import Keyset, Refused, Talk, untlv

TRIES = 3


def refusal(function, *arguments):
    """The status word that it ends with."""
    try:
        function(*arguments)
    except Refused as refused:
        return refused.sw
    return 0x9000


class Cards:
    """Conversations with the module."""

    def __init__(self, vm, central):
        self.vm, self.central = vm, central

    def talk(self):
        return Talk(self.vm)

    def keysets(self):
        """{kvn: (length, failures, tries, check values)}, asked by the central system."""
        talk = self.talk()
        talk.open_central(self.central)
        data = talk.ask("80CADF22")[3:]
        talk.close()
        rows = [data[n : n + 13] for n in range(0, len(data), 13)]
        return {row[0]: (row[1], row[2], row[3], row[4:]) for row in rows}

    def opens(self, keyset):
        """The status word of opening a channel, as soon as it is not slowed down."""
        talk = self.talk()
        sw = 0x6985
        talk.select()
        while sw == 0x6985:
            sw = refusal(talk.initialize, keyset)
        if sw == 0x9000:
            sw = talk.authenticate()
        talk.close()
        return sw


def agreement(cards):
    with case("A11 SCP11a opens a channel, with MACs alone and with encryption, AES-128 and 256"):
        for usage, size in ((0x34, 16), (0x34, 32), (0x3C, 16), (0x3C, 32)):
            talk = cards.talk()
            talk.open_central(cards.central, usage, size)
            expect_equal(talk.ask("80CA0045")[2:].hex(), cards.uid)
            expect_equal(talk.ask("80CADF22"), b"\xdf\x22\0")
            talk.close()
    with case("A28 SCP11a takes no certificate of another role"):
        talk = cards.talk()
        talk.select()
        wrong = cards.central.parent / "pu"
        expect_equal(refusal(talk.certificate, _named(wrong, "signer.pem")), 0x6982)
        expect_equal(talk.sw("80820000", bytes(8)), 0x6985)
        talk.close()
    with case("A11 SCP11a: who has another private key gets no channel"):
        talk = cards.talk()
        talk.select()
        talk.certificate(cards.central)
        other = cards.central.parent / "other.key"
        host(f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {other}")
        expect(not talk.agree(_named(cards.central, "central.pem", key=other)), "receipt")
        expect_equal(talk.sw("80CADF22"), 0x6982)
        talk.close()


def _named(directory, certificate, key=None):
    """A central system's directory made of other files."""
    made = directory.parent / f"made-{certificate}{'-key' if key else ''}"
    made.mkdir(exist_ok=True)
    (made / "central.pem").write_bytes((directory / certificate).read_bytes())
    source = key or directory / "central.key"
    if source.exists():
        (made / "central.key").write_bytes(source.read_bytes())
    return made


def issuance(cards, kdc, krk, mk):
    with case("B5 the central system puts the transport keyset"):
        talk = cards.talk()
        talk.open_central(cards.central)
        expect_equal(talk.put_keys(kdc), bytes([0x30]) + kdc.kcvs)
        talk.close()
        expect_equal(cards.keysets(), {0x30: (16, 0, TRIES, kdc.kcvs)})
    with case("B5 the transport keyset loads both slots"):
        talk = cards.talk()
        talk.open(kdc)
        expect_equal(talk.put_keys(krk), bytes([krk.kvn]) + krk.kcvs)
        expect_equal(talk.put_keys(mk), bytes([mk.kvn]) + mk.kcvs)
        talk.close()
        expect_equal(sorted(cards.keysets()), [0x30, krk.kvn, mk.kvn])
    with case("B5 the key information template names the keysets"):
        talk = cards.talk()
        talk.select()
        data = talk.ask("80CA00E0")
        talk.close()
        expected = "".join(
            f"c004{n:02x}{k.kvn:02x}88{len(k.enc):02x}" for k in (kdc, krk, mk) for n in (1, 2, 3)
        )
        expect_equal(data.hex(), "e036" + expected)


def levels(cards, mk):
    for level in (0x01, 0x03, 0x11, 0x13, 0x33):
        with case(f"B8 SCP03 at level {level:02x}, S8 and S16"):
            for size in (8, 16):
                talk = cards.talk()
                talk.open(mk, level, size)
                expect_equal(talk.info, bytes([mk.kvn, 3, 0x60 | (size == 16)]))
                expect_equal(talk.ask("80CA0045")[2:].hex(), cards.uid)
                expect_equal(talk.ask("80CADF20")[3], 3)
                talk.close()
    with case("B8 SCP03: other levels are none"):
        talk = cards.talk()
        talk.select()
        talk.initialize(mk)
        expect_equal(talk.authenticate(0x23), 0x63C0 | (TRIES - 1))
        talk.close()
        expect_equal(cards.opens(mk), 0x9000)


tpm = Tpm()
manufacturer = Manufacturer(ek_ca=tpm.ek_ca)
unit = Unit(manufacturer, in_tpm=False)
central = Central(manufacturer, unit)
manufacturer.serve()
unit.serve(None, "--keyset-tries", str(TRIES))
with VM(tpm=tpm) as vm:
    vm.load_module()
    module = Module(vm)
    module.init(manufacturer)
    module.personalize(unit)
    cards = Cards(vm, central.dir)
    cards.uid = module.attribute("uid")
    kdc, krk, mk = Keyset(0x30), Keyset(0x31), Keyset(0x38)
    agreement(cards)
    issuance(cards, kdc, krk, mk)
    levels(cards, mk)
