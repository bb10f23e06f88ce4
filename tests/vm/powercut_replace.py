#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts while a replacement keyset puts a new master keyset."""

from lib import expect_equal
from lib.cards import Cards, refusal
from lib.gp import Keyset
from lib.powercut import VAULT_COUNTER, Recorder, Stand, cut_for_real, each_cut

AFTER = "after TPM command"


def commits(cut):
    return cut.commits.count(("NV_Increment", VAULT_COUNTER))


def check_replaced(cut):
    """One master keyset works, which is known from outside; the other is not there."""
    stand.attach()
    there, gone = (new, mk) if commits(cut) else (mk, new)
    found = cards.keysets()
    expect_equal(sorted(found), sorted([0x30, krk.kvn, there.kvn]))
    expect_equal(found[there.kvn][3], there.kcvs)
    expect_equal(cards.opens(there), 0x9000)
    talk = cards.talk()
    expect_equal(refusal(talk.open, gone), 0x6A88)
    talk.close()
    # the same once more ends well
    if there is mk:
        replace(opened())
        expect_equal(cards.opens(new), 0x9000)


def check_counted(cut):
    """A try is lost at most, and the keyset opens."""
    stand.attach()
    failures = cards.keysets()[krk.kvn][1]
    expect_equal(failures, 1 if commits(cut) == 1 else 0)
    expect_equal(cards.opens(krk), 0x9000)
    expect_equal(cards.keysets()[krk.kvn][1], 0)


def opened():
    talk = cards.talk()
    talk.open(krk)
    return talk


def replace(talk):
    expect_equal(talk.put_keys(new, old=mk.kvn)[:1], bytes([new.kvn]))
    talk.close()


stand = Stand()
stand.boot()
stand.module.init(stand.manufacturer)
stand.module.personalize(stand.unit)
cards = Cards(stand.module, stand.central.dir)
krk, mk, new = Keyset(0x31), Keyset(0x38), Keyset(0x39)
cards.issue(mk, krk)
session = {}


def prepare():
    stand.attach()
    session["talk"] = opened()


opening, replacing = Recorder(stand), Recorder(stand)
session["talk"] = opening.record(opened)
replacing.record(lambda: replace(session["talk"]))
stand.vm.power_cut()
each_cut(replacing, "B9 replacement", check_replaced)
each_cut(opening, "B9 authentication", check_counted)
(commit,) = [p for c in replacing.cuts for p in c.places if p.startswith(AFTER)][:1]
number = int(commit.split()[3])
for_real = {
    commit: lambda: stand.bus.cut_after(number),
    "in write 1 after 512 bytes": lambda: stand.disk.cut_at(1, 512),
}
for place, arm in for_real.items():
    cut_for_real(replacing, "B9 replacement", prepare, arm, place, check_replaced)
