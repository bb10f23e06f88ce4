#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""Power cuts at every step of a replacement that a campaign does (B9): the module has exactly
one working master key, the server finds out which, and goes on."""

import json
import sqlite3

from lib import BIN, case, expect, expect_equal, expect_rc, wait_for
from lib.kms import Hsm1, Kms
from lib.powercut import VAULT_COUNTER, Recorder, Stand, each_cut

SERIAL = "SN-0001"
OLD, NEW = 0x38, 0x39


def connect():
    before = stand.central.server.err.count("connected from")
    agent = stand.vm.start(
        [BIN / "secmod-agent", "--connect", stand.central.guest_endpoint, "--listen",
         "unix:/run/agent.sock", "--retry", "100,500"])
    agent.wait_for("connected to", 60)
    admitted = lambda: stand.central.server.err.count("connected from") > before
    wait_for(admitted, 60, "the module at the server")
    return agent


def campaign(*words):
    return stand.central.run("campaign", *words, "--hsm1", hsm1.dir, check=False)


def give(kind, version):
    expect_rc(hsm1.run("import", kms.give(kind, version, "hsm1")))


def journal(campaign_state, step):
    """What the server wrote last when the module's power failed."""
    with sqlite3.connect(stand.central.dir / "central.db") as db:
        db.execute("UPDATE campaigns SET state = ?, ended = 0", (campaign_state,))
        db.execute("UPDATE campaign_modules SET step = ?, cause = ''", (step,))


def masters():
    """{KVN: check values} of the master keysets that the module says it has."""
    keys = json.loads(stand.central.run("status", "--keys", "--json", SERIAL).out)["keys"]
    return {key["kvn"]: key["kcv"] for key in keys if key["kvn"] >= OLD}


def check(cut):
    journal("running", "begun")
    stand.attach()
    agent = connect()
    # the try is counted and taken back, the keyset is replaced
    has = NEW if cut.commits.count(("NV_Increment", VAULT_COUNTER)) == 3 else OLD
    expect_equal(masters(), {has: derived[has]}, "the one master key")
    expect_rc(campaign("resume"), 0, "1 done")
    expect_equal(masters(), {NEW: derived[NEW]}, "after the resume")
    agent.terminate()


stand = Stand()
stand.central.serve(None, "--register", "auto")
kms = Kms()
kms.generate("master", "replacement", "recovery")
hsm1 = Hsm1(kms)
kms.admit(hsm1)
for block in ("master", "replacement", "recovery"):
    give(block, 1)
stand.boot()
stand.module.init(stand.manufacturer, SERIAL)
stand.module.personalize(stand.unit)
first = connect()
expect_rc(stand.central.run("issue", "--hsm1", hsm1.dir, SERIAL), 0)
kms.generate("master")
give("master", 2)
uid = stand.module.attribute("uid")
lines = [hsm1.run("derive", "--uid", uid, "--version", v).out.split() for v in ("1", "2")]
derived = {int(line[0], 16): "".join(line[1:]) for line in lines}
with case("B9 the replacement that is cut"):
    expect_equal(masters(), {OLD: derived[OLD]})
    replacement = Recorder(stand)
    expect_rc(replacement.record(lambda: campaign("start")), 0, "is done")
    expect_equal(masters(), {NEW: derived[NEW]})
    expect(len(replacement.cuts) > 2, "nothing was recorded")
stand.vm.power_cut()
each_cut(replacement, "B9 replacement", check)
