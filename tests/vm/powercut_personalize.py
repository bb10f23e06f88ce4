#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts during a personalization, and during the attach that clears up after one."""

from lib import case, expect, expect_equal
from lib.powercut import (
    IDENTITY,
    KEY,
    VAULT_COUNTER,
    Recorder,
    Stand,
    cut_for_real,
    each_cut,
    handles,
)

# the first commit after an attach: what is there twice, then what is new
COMMITS = 3


def committed(cut):
    return cut.commits.count(("NV_Increment", VAULT_COUNTER)) == COMMITS


def check(cut):
    status = stand.status()
    expect_equal((status["state"], status["epoch"]), ("detached", ready["epoch"]))
    status = stand.attach()
    if committed(cut):
        expect_equal(status["state"], "operating")
        expect_equal(status["module_key"], done["module_key"])
        stand.expect_signs()
        return
    expect_equal(status["state"], "personalization")
    stand.expect_tidy(IDENTITY)
    stand.expect_works()


def check_operating(_):
    """As check(), for a key that was not recorded."""
    expect_equal(stand.attach()["state"], "operating")
    stand.expect_signs()


stand = Stand()
stand.boot()
stand.module.init(stand.manufacturer)
ready = stand.status()
stand.module.reboot()
stand.attach()
personalization = Recorder(stand)
personalization.record(lambda: stand.module.personalize(stand.unit))
done = stand.status()
stand.vm.power_cut()
each_cut(personalization, "A1 A2 personalization", check)

commit = next(c.places[0] for c in personalization.cuts if committed(c))
number = int(commit.split()[3])
cut_for_real(
    personalization,
    "A1 A2 personalization",
    stand.attach,
    lambda: stand.bus.cut_after(number),
    commit,
    check_operating,
)

# The last cut before the commit: the key is in the TPM, nobody will ever use it.
leftover = [c for c in personalization.cuts if not committed(c)][-1]
personalization.restore(leftover)
stand.boot()
with case("A1 A2 a cut personalization leaves a key, which the attach removes"):
    expect(KEY in handles(stand.bus, KEY), "the key has gone already")
    attach = Recorder(stand)
    attach.record(stand.module.attach)
    stand.expect_tidy(IDENTITY)
stand.vm.power_cut()
each_cut(attach, "A1 A2 attach after a cut personalization", check)
