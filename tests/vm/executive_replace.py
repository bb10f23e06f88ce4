#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Replacement of the master key after issuance, and who tries keys that are not right."""

import os

from lib import case, expect, expect_equal, expect_match
from lib.cards import TRIES, cards_of_a_module, refusal
from lib.gp import Keyset


def replacement(cards, krk, mk, new):
    with case("B8 the replacement keyset puts a new master keyset, and the channel ends"):
        old = cards.talk()
        old.open(mk)
        talk = cards.talk()
        talk.open(krk)
        expect_equal(talk.put_keys(new, old=mk.kvn), bytes([new.kvn]) + new.kcvs)
        expect_equal(talk.sw("80CADF22"), 0x6982)
        talk.close()
    with case("B8 the old master keyset is gone, with the channel that it had open"):
        expect_equal(old.sw("80CADF22"), 0x6982)
        expect_equal(refusal(old.open, mk), 0x6A88)
        old.close()
    with case("B8 the new one works; the replacement keyset is as it was"):
        expect_equal(cards.opens(new), 0x9000)
        found = cards.keysets()
        expect_equal(found[new.kvn], (16, 0, TRIES, new.kcvs))
        expect_equal(found[krk.kvn], (16, 0, TRIES, krk.kcvs))
    with case("B8 a keyset whose check values do not fit changes nothing"):
        talk = cards.talk()
        talk.open(krk)
        other = Keyset(new.kvn)
        wrong = [b"\0\0\0"] * 3
        expect_equal(refusal(talk.put_keys, other, new.kvn, wrong), 0x6A80)
        expect_equal(refusal(talk.put_keys, Keyset(0x3F), 0x3E), 0x6A88)
        expect_equal(refusal(talk.put_keys, other), 0x6982)
        talk.close()
        expect_equal(cards.keysets()[new.kvn], (16, 0, TRIES, new.kcvs))


def counting(cards, krk, mk):
    wrong = Keyset(krk.kvn)
    with case("B9 a wrong replacement keyset opens nothing, and is counted"):
        talk = cards.talk()
        talk.select()
        expect(not talk.initialize(wrong), "cryptogram")
        expect_equal(talk.authenticate(), 0x63C0 | (TRIES - 1))
        slowed = refusal(talk.initialize, krk)
        reason = cards.module.attribute("last_error")
        expect_equal(talk.sw("80CADF22"), 0x6982)
        talk.close()
        expect_equal(cards.keysets()[krk.kvn][1], 1)
    with case("B9 after a failure the keyset is closed for a while"):
        expect_equal(slowed, 0x6985)
        expect("authentications have failed: wait a moment" in reason, reason)
    with case("B9 failures are counted across a power cut"):
        cards.module.reboot()
        cards.module.attach()
        expect_equal(cards.keysets()[krk.kvn][1], 1)
    with case("B9 a right authentication gives all tries back"):
        expect_equal(cards.opens(krk), 0x9000)
        expect_equal(cards.keysets()[krk.kvn][1], 0)
    with case("B9 a wrong cryptogram with the right keys is counted as well"):
        talk = cards.talk()
        talk.select()
        talk.initialize(mk)
        expect_equal(talk.authenticate(0x01, os.urandom(8)), 0x63C0 | (TRIES - 1))
        talk.close()
        expect_equal(cards.opens(mk), 0x9000)


def locks(cards, krk, mk):
    with case("B9 a master keyset locks after its tries, and says what to do"):
        wrong = Keyset(mk.kvn)
        answers = [cards.opens(wrong) for _ in range(TRIES)]
        expect_equal(answers, [0x63C2, 0x63C1, 0x63C0])
        expect_equal(cards.opens(mk), 0x6983)
        expect(
            "replace it with the replacement keyset" in cards.module.attribute("last_error"),
            "last_error",
        )
    with case("B9 a locked master keyset is replaced with the replacement keyset"):
        new = Keyset(mk.kvn)
        talk = cards.talk()
        talk.open(krk)
        talk.put_keys(new, old=mk.kvn)
        talk.close()
        expect_equal(cards.opens(new), 0x9000)
        expect_equal(cards.keysets()[mk.kvn], (16, 0, TRIES, new.kcvs))
    with case("B9 a locked replacement keyset stays locked, across a restart too"):
        wrong = Keyset(krk.kvn)
        answers = [cards.opens(wrong) for _ in range(TRIES)]
        expect_equal(answers, [0x63C2, 0x63C1, 0x63C0])
        expect_equal(cards.opens(krk), 0x6983)
        cards.module.reboot(cut=False)
        cards.module.attach()
        expect_equal(cards.opens(krk), 0x6983)
        expect_equal(cards.opens(new), 0x9000)
    with case("B9 a reset is the way out: no keyset is left, others can be issued"):
        cards.module.secmod("reset", "--yes")
        cards.module.personalize(cards.unit)
        expect_equal(cards.keysets(), {})
        cards.issue(Keyset(mk.kvn), krk)
        expect_equal(cards.opens(krk), 0x9000)


def endings(cards, kdc, mk):
    with case("B5 the end of the first load wipes the transport keyset"):
        talk = cards.talk()
        talk.open(mk)
        expect_equal(talk.ask("80F28002", b"\x4f\0")[-1], 0x01)
        talk.ask("80F0800F")
        expect_equal(talk.ask("80F28002", b"\x4f\0")[-1], 0x0F)
        expect_equal(talk.sw("80F0800F"), 0x6985)
        talk.close()
        expect_equal(cards.opens(kdc), 0x6A88)
    with case("B5 and no other is taken afterwards"):
        talk = cards.talk()
        talk.open_central(cards.central)
        expect_equal(refusal(talk.put_keys, kdc), 0x6985)
        talk.close()


def transport_locks(cards, kdc):
    with case("B9 a locked transport keyset says what to do: the central system puts another"):
        answers = [cards.opens(Keyset(0x30)) for _ in range(TRIES)]
        expect_equal(answers, [0x63C2, 0x63C1, 0x63C0])
        expect_equal(cards.opens(kdc), 0x6983)
        expect_match("the central system puts another", cards.module.attribute("last_error"))
        another = Keyset(0x30)
        talk = cards.talk()
        talk.open_central(cards.central)
        talk.put_keys(another, old=0x30)
        talk.close()
        expect_equal(cards.opens(another), 0x9000)
        expect_equal(cards.keysets()[0x30], (16, 0, TRIES, another.kcvs))


def own_channel(cards, other):
    """What ends the transport keyset, in its own channel."""
    ends = {"deletes it": ("80E40000", b"\xd2\1\x30"), "ends the first load": ("80F0800F",)}
    for what, command in ends.items():
        with case(f"B5 who {what} has no channel any more, nor has another file"):
            kdc = Keyset(0x30)
            old = 0x30 if 0x30 in cards.keysets() else 0
            central, talk, beside = cards.talk(), cards.talk(), cards.talk()
            central.open_central(cards.central)
            central.put_keys(kdc, old)
            beside.open(other)
            talk.open(kdc)
            expect_equal(beside.sw("80CADF22"), 0x9000)
            talk.ask(*command)
            expect_equal(talk.sw("80CADF22"), 0x6982)
            expect_equal(beside.sw("80CADF22"), 0x6982)
            expect_equal(central.sw("80CADF22"), 0x9000)
            expect_equal(cards.opens(kdc), 0x6A88)
            for one in (central, talk, beside):
                one.close()


with cards_of_a_module() as cards:
    krk, mk, new = Keyset(0x31), Keyset(0x38), Keyset(0x39)
    kdc = cards.issue(mk, krk)
    replacement(cards, krk, mk, new)
    transport_locks(cards, kdc)
    endings(cards, kdc, new)
    counting(cards, krk, new)
    locks(cards, krk, new)
    own_channel(cards, krk)
