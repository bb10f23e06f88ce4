#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The module as a card: pcscd, a virtual reader, and programs that are not ours."""

from lib import REPO, case, expect, expect_equal, expect_match
from lib.cards import cards_of_a_module
from lib.gp import Keyset, Talk
from lib.reader import Reader

ISSUER = "A000000151000000"
SELECT = f"00A4040008{ISSUER}00"


def seen_by_others(reader, uid):
    vm = reader.vm
    with case("vpicc: the answer to reset says what the card can"):
        atr = vm.sh("opensc-tool --atr").out.strip()
        text = vm.sh(f"unshare --net ATR_analysis '{atr}'").out
        expect_match("correct checksum", text)
        for word in ("Extended Lc and Le fields", "- Command chaining", "73 65 63 6D 6F 64", "Protocol T = 1"):
            expect(word in text, f"{word}: {text}")
    with case("B1 vpicc: another program selects the issuer security domain and reads the UID"):
        fci, answer = reader.send(SELECT, "80CA004500")
        expect_equal(fci, "6f118408a000000151000000a5059f650210009000")
        expect_equal(answer, f"4510{uid}9000")


class PcscTalk(Talk):
    """A host of its own, over PC/SC."""

    def __init__(self, vm):
        self.relay = vm.start([REPO / "tests/vm/tools/pcsc.py"])
        self.seen, self.level = 0, 0

    def power(self, what):
        """"reset", "off" or "on"."""
        self.relay.write(what + "\n")
        self.relay.wait_for(rf"(?s)^.{{{self.seen}}}9000\n")
        self.seen = len(self.relay.out)


def expect_nothing_open(talk):
    expect_equal(talk.sw("80CADF22"), 0x6982)
    talk.level = 0
    expect_equal(talk.sw("80CADF22"), 0x6985)
    talk.select()
    expect_equal(talk.sw("80CADF22"), 0x6982)


def driven_by_others(reader, cards):
    vm, central, uid = reader.vm, cards.central, cards.uid
    kdc, krk, mk = Keyset(0x30, 32), Keyset(0x31), Keyset(0x38, 32)
    talk = PcscTalk(vm)
    with case("vpicc: a reset ends the conversation"):
        talk.select()
        expect_equal(talk.ask("80CA0045")[2:].hex(), uid)
        talk.power("reset")
        expect_equal(talk.sw("80CA0045"), 0x6985)
    with case("A11 vpicc: another host opens SCP11a over PC/SC and puts the transport keyset"):
        talk.open_central(central)
        expect_equal(talk.put_keys(kdc), bytes([0x30]) + kdc.kcvs)
    with case("B5 vpicc: another host opens SCP03 over PC/SC and fills both slots"):
        talk.open(kdc)
        for keyset in (krk, mk):
            expect_equal(talk.put_keys(keyset), bytes([keyset.kvn]) + keyset.kcvs)
    with case("B8 vpicc: each level of SCP03 works over PC/SC"):
        for level in (0x01, 0x03, 0x11, 0x13, 0x33):
            for size in (8, 16):
                talk.open(mk, level, size)
                expect_equal(talk.ask("80CA0045")[2:].hex(), uid)
    with case("B9 vpicc: a reset ends the channel, too"):
        expect_equal(talk.ask("80CADF22")[:2].hex(), "df22")
        talk.power("reset")
        expect_nothing_open(talk)
    with case("B9 vpicc: without power the channel is gone"):
        talk.open(mk)
        expect_equal(talk.ask("80CADF22")[:2].hex(), "df22")
        talk.power("off")
        talk.power("on")
        expect_nothing_open(talk)
    with case("vpicc: without power nothing holds the module"):
        expect_match("/dev/secmod0", reader.open_files())
        talk.power("off")
        vm.wait_for(lambda: "/dev/secmod0" not in reader.open_files())
        talk.power("on")
    with case("B9 vpicc: a wrong keyset is refused over PC/SC"):
        talk.select()
        expect(not talk.initialize(Keyset(0x38, 32)), "cryptogram")
        expect_equal(talk.authenticate() & 0xFFF0, 0x63C0)
    talk.close()


with cards_of_a_module() as cards:
    reader = Reader(cards.module.vm)
    seen_by_others(reader, cards.uid)
    driven_by_others(reader, cards)
