#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts during a reset with a fresh vault."""

from lib import expect, expect_equal, expect_match
from lib.powercut import (
    EPOCH,
    IDENTITY,
    VAULT_COUNTER,
    Recorder,
    Stand,
    each_cut,
    policy_allows,
)

FRESH = "/var/lib/secmod/fresh.vault"


def reset(check=True):
    share = stand.vm.share
    return stand.module.secmod(
        *("reset", "--yes", "--fresh-vault", FRESH),
        *("--checking-cert", stand.manufacturer.root),
        *("--identity-cert", share / "kept/identity.pem"),
        check=check,
    )


def check_old_vault(cut):
    """It is good until the vault counter says otherwise."""
    if ("NV_Increment", VAULT_COUNTER) in cut.commits:
        result = stand.module.attach(check=False)
        expect(result.rc, "an old vault is taken")
        expect_match("attach the newest copy", result.err)
        return
    if ("NV_Increment", EPOCH) not in cut.commits:
        expect_equal(stand.attach()["state"], "operating")
        expect(policy_allows(stand.bus, old["epoch"]), "the old key's policy fails")
        stand.module.secmod("detach")


def finish(cut):
    """By the fresh vault once it is the module's, else once more."""
    stand.module.vault = FRESH
    if ("NV_Increment", VAULT_COUNTER) in cut.commits:
        stand.attach()
        expect_match("choose another name", reset(check=False).err)
    else:
        reset()
    stand.module.vault = OLD


def check(cut):
    expect_equal(stand.status()["state"], "detached")
    raised = ("NV_Increment", EPOCH) in cut.commits
    expect_equal(policy_allows(stand.bus, old["epoch"]), not raised)
    check_old_vault(cut)
    finish(cut)
    status = stand.status()
    expect_equal(status["state"], "personalization")
    committed = ("NV_Increment", VAULT_COUNTER) in cut.commits
    raises = 1 + (raised and not committed)
    expect_equal(status["epoch"], old["epoch"] + raises)
    expect(not policy_allows(stand.bus, old["epoch"]), "the old key's policy holds")
    stand.expect_tidy(IDENTITY)
    stand.expect_works()


stand = Stand()
OLD = stand.module.vault
stand.boot()
stand.module.init(stand.manufacturer)
stand.module.personalize(stand.unit)
old = stand.status()
(stand.vm.share / "kept").mkdir()
stand.module.secmod("certs", "--out-dir", stand.vm.share / "kept")
stand.module.secmod("detach")
recorder = Recorder(stand)
recorder.record(reset)
stand.vm.power_cut()
each_cut(recorder, "A2 A21 reset with a fresh vault", check)
