#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Applications in the module, and the reset that a central system orders."""

import os

from lib import case, expect, expect_equal
from lib.cards import cards_of_a_module, fields, group, install, refusal
from lib.gp import Keyset, cbc, cmac, pad, untlv
from lib.seal import Sealer

PURSE = bytes.fromhex("A000000321") + b"purse"
MAC, ENCRYPT, DECRYPT = 1, 2, 4  # uses of a key
OTHER = bytes.fromhex("A000000321") + b"other"


def loading(cards, kdc, mk):
    key = os.urandom(16)
    secret = cbc(kdc.dek, bytes(16), pad(b"\3" + key))
    with case("B1 the transport channel loads an application, in several blocks"):
        talk = cards.talk()
        talk.open(kdc)
        install(talk, PURSE)
        talk.ask("80E20800", group(0x0101, b"currency") + group(0x8010, secret))
        talk.ask("80E28801", group(0x0102, b"\x55" * 300))
        talk.close()
        expect_equal(cards.read(PURSE, 0x0101), b"currency")
        expect_equal(cards.read(PURSE, 0x0102), b"\x55" * 300)
    with case("B1 a key of an application is not read back"):
        talk = cards.talk()
        talk.select(PURSE)
        expect_equal(talk.sw("80CA8010"), 0x6A88)
        talk.open(mk)
        talk.close()
    with case("B1 what is not ended with the last block is not stored"):
        talk = cards.talk()
        talk.open(mk)
        talk.ask("80E62000", fields(PURSE))
        talk.ask("80E20800", group(0x0101, b"changed"))
        talk.close()
        expect_equal(cards.read(PURSE, 0x0101), b"currency")
    with case("B1 a power cut loses nothing of an application"):
        cards.module.reboot()
        cards.module.attach()
        expect_equal(cards.read(PURSE, 0x0101), b"currency")
    with case("B1 the master channel changes an application"):
        talk = cards.talk()
        talk.open(mk)
        talk.ask("80E62000", fields(PURSE))
        talk.ask("80E28800", group(0x0101, b"changed"))
        talk.close()
        expect_equal(cards.read(PURSE, 0x0101), b"changed")
    return key


def using(cards, key, mk):
    other = os.urandom(32)
    talk = cards.talk()
    talk.open(mk)
    talk.ask("80E62000", fields(PURSE))
    wrapped = cbc(mk.dek, bytes(16), pad(bytes([DECRYPT]) + other))
    talk.ask("80E28800", group(0x8FFF, wrapped))
    talk.close()
    user = Sealer(cards.module.vm)
    vector, data = os.urandom(16), os.urandom(4096)
    with case("B1 a key of an application makes MACs, by its name"):
        for size in (0, 1, 16, 17, 4096):
            expect_equal(user.use(PURSE, 0x8010, MAC, data[:size]), cmac(key, data[:size]))
    with case("B1 a key of an application encrypts, another decrypts"):
        encrypted = cbc(key, vector, data)
        expect_equal(user.use(PURSE, 0x8010, ENCRYPT, data, vector), encrypted)
        decrypted = cbc(other, vector, data, encrypt=False)
        expect_equal(user.use(PURSE, 0x8FFF, DECRYPT, data, vector), decrypted)
    with case("B1 a key of an application does what it was loaded for, and nothing else"):
        for dgi, how in ((0x8010, DECRYPT), (0x8FFF, MAC), (0x8FFF, ENCRYPT), (0x8010, 3), (0x8010, 0)):
            expect_equal(user.use(PURSE, dgi, how, data, vector), "EACCES")
    with case("B1 there is no such key, or what is named is none"):
        for aid, dgi in ((OTHER, 0x8010), (PURSE[:-1], 0x8010), (PURSE, 0x8011), (PURSE, 0x0101)):
            expect_equal(user.use(aid, dgi, MAC, data), "ENOENT")
    with case("B1 whole blocks are encrypted"):
        for size in (0, 15, 17):
            expect_equal(user.use(PURSE, 0x8010, ENCRYPT, data[:size], vector), "EINVAL")
    user.close()


def refusals(cards, mk):
    talk = cards.talk()
    talk.open(mk)
    with case("B1 what INSTALL does not take"):
        expect_equal(talk.sw("80E60C00", fields(PURSE)), 0x6985)
        expect_equal(talk.sw("80E60C00", fields(b"abcd")), 0x6A80)
        expect_equal(talk.sw("80E60C00", fields(OTHER)[:-1]), 0x6A80)
        expect_equal(talk.sw("80E62000", fields(OTHER)), 0x6A82)
        expect_equal(talk.sw("80E60400", fields(OTHER)), 0x6A86)
    with case("B1 what STORE DATA does not take, and that it begins anew after it"):
        expect_equal(talk.sw("80E28800", group(0x0101, b"x")), 0x6985)
        for data, block, sw in (
            (group(0x0101, b"x")[:-1], 0, 0x6A80),
            (group(0x0101, b"x"), 1, 0x6A86),
            (group(0x8010, b"\3" + bytes(16)), 0, 0x6A80),
            (group(0x8010, cbc(mk.dek, bytes(16), pad(b"\3" + bytes(15)))), 0, 0x6A80),
        ):
            talk.ask("80E62000", fields(PURSE))
            expect_equal(talk.sw(f"80E288{block:02x}", data), sw)
            expect_equal(talk.sw("80E28800", group(0x0101, b"x")), 0x6985)
    with case("B1 quotas: an application that grows too large is as it was before"):
        talk.ask("80E62000", fields(PURSE))
        for block in range(4):
            talk.ask(f"80E208{block:02x}", group(0x0200 + block, b"\1" * 3900))
        expect_equal(talk.sw("80E28804", group(0x0204, b"\1" * 3900)), 0x6A84)
        expect_equal(refusal(cards.read, PURSE, 0x0200), 0x6A88)
    with case("B1 two that personalize at once: the second to end is refused"):
        other = cards.talk()
        other.open(mk)
        other.ask("80E62000", fields(PURSE))
        talk.ask("80E62000", fields(PURSE))
        talk.ask("80E28800", group(0x0101, b"first"))
        expect_equal(other.sw("80E28800", group(0x0101, b"second")), 0x6985)
        other.close()
        expect_equal(cards.read(PURSE, 0x0101), b"first")
    with case("B1 GET STATUS lists the applications, DELETE takes one away"):
        entry = b"\xe3\x10\x4f\x0a" + PURSE + b"\x9f\x70\x01\x07"
        expect_equal(talk.ask("80F24002", b"\x4f\0"), entry)
        expect_equal(talk.sw("80E40000", b"\x4f\x0a" + OTHER), 0x6A82)
        talk.ask("80E40000", b"\x4f\x0a" + PURSE)
        expect_equal(talk.sw("80F24002", b"\x4f\0"), 0x6A88)
        expect_equal(refusal(cards.read, PURSE, 0x0101), 0x6A82)
    talk.close()


def remote_reset(cards, mk):
    epoch = int(cards.module.attribute("epoch")).to_bytes(8, "big")
    uid, nonce = bytes.fromhex(cards.uid), os.urandom(32)

    def order(change=lambda fields: fields, again=False):
        talk = cards.talk()
        talk.open_central(cards.central)
        challenge = talk.ask("80840000")
        data = b"".join(change([uid, epoch, challenge, nonce]))
        if again:
            talk.sw("80F0807F", b"".join([uid, epoch, bytes(32), nonce]))
        try:
            return talk.ask("80F0807F", data)
        finally:
            talk.close()

    with case("A21 an order to reset for another module, epoch or moment is refused"):
        for at in range(3):
            def other(parts, at=at):
                parts[at] = bytes([parts[at][0] ^ 1]) + parts[at][1:]
                return parts
            expect_equal(refusal(order, other), 0x6985)
        expect_equal(refusal(order, lambda parts: parts, True), 0x6985)
        expect_equal(refusal(order, lambda parts: parts[:3]), 0x6700)
        expect_equal(cards.opens(mk), 0x9000)
    with case("A21 a challenge is good in its channel alone"):
        talk, other = cards.talk(), cards.talk()
        talk.open_central(cards.central)
        other.open_central(cards.central)
        challenge = talk.ask("80840000")
        data = uid + epoch + challenge + nonce
        expect_equal(other.sw("80F0807F", data), 0x6985)
        talk.close()
        other.close()
    with case("A21 the central system resets the module, and gets its proof"):
        proof = untlv(order())
        expect_equal(sorted(proof), [0x80, 0x81, 0x82, 0x83, 0x84])
        expect_equal(int.from_bytes(proof[0x80], "big"), int.from_bytes(epoch, "big") + 1)
        expect_equal(cards.module.state, "personalization")
        expect_equal(len(proof[0x83]), 64)
        expect(len(proof[0x81]) > 80 and len(proof[0x82]) > 80, "areas")
    with case("A21 nothing of the executive is left"):
        cards.module.personalize(cards.unit)
        expect_equal(cards.keysets(), {})


with cards_of_a_module() as cards:
    krk, mk = Keyset(0x31), Keyset(0x38)
    kdc = cards.issue(mk, krk)
    key = loading(cards, kdc, mk)
    using(cards, key, mk)
    refusals(cards, mk)
    remote_reset(cards, mk)
