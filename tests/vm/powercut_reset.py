#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts during a reset, and during the attach that goes on with it."""

from lib import case, expect, expect_equal
from lib.powercut import (
    EPOCH,
    IDENTITY,
    KEY,
    Recorder,
    Stand,
    cut_for_real,
    each_cut,
    handles,
    policy_allows,
)

AFTER = "after TPM command"


def check_erased(what):
    """The old key is dead whatever happens to its remains; a new one can be made."""
    expect_equal((what["state"], what["epoch"]), ("personalization", old["epoch"] + 1))
    expect(not policy_allows(stand.bus, old["epoch"]), "the old key's policy holds")
    stand.expect_tidy(IDENTITY)
    stand.expect_works()
    expect(stand.status()["module_key"] != old["module_key"], "the old key is back")


def check(cut):
    status = stand.status()
    expect_equal(status["state"], "detached")
    if ("NV_Increment", EPOCH) in cut.commits:
        expect(not policy_allows(stand.bus, old["epoch"]), "the old key's policy holds")
        check_erased(stand.attach())
        return
    expect(policy_allows(stand.bus, old["epoch"]), "the old key's policy fails")
    status = stand.attach()
    expect_equal((status["state"], status["epoch"]), ("operating", old["epoch"]))
    expect_equal(status["module_key"], old["module_key"])
    stand.expect_signs()
    stand.module.secmod("reset", "--yes")
    check_erased(stand.status())


stand = Stand()
stand.boot()
stand.module.init(stand.manufacturer)
stand.module.personalize(stand.unit)
old = stand.status()
reset = Recorder(stand)
reset.record(lambda: stand.module.secmod("reset", "--yes"))
stand.vm.power_cut()
each_cut(reset, "A2 A21 reset", check)
(commit,) = [p for c in reset.cuts for p in c.places if p.startswith(AFTER)][:1]
number = int(commit.split()[3])
for_real = {
    commit: lambda: stand.bus.cut_after(number),
    "in write 1 after 512 bytes": lambda: stand.disk.cut_at(1, 512),
}
for place, arm in for_real.items():
    cut_for_real(reset, "A2 A21 reset", stand.attach, arm, place, check)

# The first cut after the commit: the key is in the TPM, the vault knows it.
raised = next(c for c in reset.cuts if ("NV_Increment", EPOCH) in c.commits)
reset.restore(raised)
stand.boot()
with case("A2 A21 a cut reset leaves a dead key, which the attach removes"):
    expect(KEY in handles(stand.bus, KEY), "the key has gone already")
    attach = Recorder(stand)
    attach.record(stand.module.attach)
stand.vm.power_cut()
each_cut(attach, "A2 A21 attach after a cut reset", lambda _: check_erased(stand.attach()))
