#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts while an application is loaded, in two blocks, and while a first load ends."""

from lib import expect, expect_equal
from lib.cards import Cards, fields, group, install
from lib.gp import Keyset
from lib.powercut import VAULT_COUNTER, Recorder, Stand, each_cut

PURSE = bytes.fromhex("A000000321") + b"purse"
OLD, NEW = (b"old 1", b"old 2"), (b"new 1", b"new 2")


def committed(cut):
    """Whether it was, which is known from outside: at most once."""
    count = cut.commits.count(("NV_Increment", VAULT_COUNTER))
    expect(count <= 1, f"{count} commits")
    return bool(count)


def store(values):
    talk = session["talk"]
    talk.ask("80E20800", group(0x0101, values[0]))
    talk.ask("80E28801", group(0x0102, values[1]))


def check_stored(cut):
    """All data groups of an operation are there, or none."""
    stand.attach()
    found = tuple(cards.read(PURSE, dgi) for dgi in (0x0101, 0x0102))
    expect_equal(found, NEW if committed(cut) else OLD)


def check_ended(cut):
    """The transport keyset is there as long as the load has not ended; the others stay."""
    stand.attach()
    done = committed(cut)
    expect_equal(sorted(cards.keysets()), ([] if done else [0x30]) + [krk.kvn, mk.kvn])
    talk = cards.talk()
    talk.open(mk)
    expect_equal(talk.ask("80F28002", b"\x4f\0")[-1], 0x0F if done else 0x01)
    # the same once more ends well
    expect_equal(talk.sw("80F0800F"), 0x6985 if done else 0x9000)
    talk.close()
    expect_equal(cards.opens(kdc), 0x6A88)


stand = Stand()
stand.boot()
stand.module.init(stand.manufacturer)
stand.module.personalize(stand.unit)
cards = Cards(stand.module, stand.central.dir)
krk, mk = Keyset(0x31), Keyset(0x38)
kdc = cards.issue(mk, krk)
session = {"talk": cards.talk()}
session["talk"].open(mk)
install(session["talk"], PURSE)
store(OLD)
session["talk"].ask("80E62000", fields(PURSE))
storing, ending = Recorder(stand), Recorder(stand)
storing.record(lambda: store(NEW))
ending.record(lambda: session["talk"].ask("80F0800F"))
stand.vm.power_cut()
each_cut(storing, "B1 STORE DATA", check_stored)
each_cut(ending, "B5 end of the first load", check_ended)
