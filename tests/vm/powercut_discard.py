#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts while a new initialization takes the place of an operating module."""

from lib import expect_equal
from lib.powercut import IDENTITY, ROOT, Recorder, Stand, each_cut

NEW = "/var/lib/secmod/new.vault"


def discard():
    return stand.module.secmod(
        *("init", stand.manufacturer.guest_endpoint, "--root", stand.manufacturer.root),
        *("--serial", "SN-0001", "--vault", NEW, "--discard", "--yes"),
    )


def check(cut):
    before = stand.status()
    stand.module.vault = NEW
    if ("NV_Write", ROOT) in cut.commits:
        expect_equal((before["state"], before["uid"]), ("detached", new["uid"]))
        stand.attach()
    elif ("NV_UndefineSpace", ROOT) in cut.commits:
        expect_equal(before["state"], "virgin")
        if stand.issued:
            stand.manufacturer.run("release", "SN-0001")
        stand.module.init(stand.manufacturer)
    else:
        expect_equal((before["state"], before["uid"]), ("detached", old["uid"]))
        stand.module.vault = OLD
        expect_equal(stand.attach()["state"], "operating")
        stand.expect_signs()
        stand.module.secmod("detach")
        discard()
    stand.module.vault = OLD
    expect_equal(stand.module.state, "personalization")
    stand.expect_tidy(IDENTITY)
    stand.expect_works()


stand = Stand()
OLD = stand.module.vault
stand.boot()
stand.module.init(stand.manufacturer)
stand.module.personalize(stand.unit)
old = stand.status()
stand.module.secmod("detach")
stand.manufacturer.run("release", "SN-0001")
recorder = Recorder(stand)
recorder.record(discard)
new = stand.status()
stand.vm.power_cut()
each_cut(recorder, "A2 A24 initialization anew", check)
