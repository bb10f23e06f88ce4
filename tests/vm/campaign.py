#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: MIT
"""The access server with a fleet: first keys (B3 to B5), new master keys for all (B6 to B11)."""

import os
import signal
import sqlite3

from lib import (
    VM,
    Tpm,
    case,
    expect,
    expect_equal,
    expect_match,
    expect_rc,
    wait_for,
)
from lib.cards import refusal
from lib.fleet import Site, make, start
from lib.gp import Keyset, Talk

FLEET = 6
TRIES = 3  # of a keyset


def tell_locked(site, instance, kvn, is_so=True):
    """What an operator sees of it."""
    keys = site.central.run("status", "--keys", instance.serial).out
    locked = f"version {kvn:02x}, .* {TRIES} of {TRIES} tries failed: locked\n"
    expect_match(locked if is_so else f"version {kvn:02x}, .* 0 of {TRIES} tries failed\n", keys)


def issuance(site, fleet, uids):
    serials = [instance.serial for instance in fleet]
    with case("B5 a locked transport keyset is no hindrance: the issuance puts another one"):
        talk = Talk(fleet[1].vm, fleet[1].device)
        talk.open_central(site.central.dir)
        talk.put_keys(Keyset(0x30))
        talk.close()
        fleet[1].lock(0x30)
        tell_locked(site, fleet[1], 0x30)
        expect_rc(site.run("issue", serials.pop(1)), 0)
    with case("B3 B5 keys are issued to each module of the fleet"):
        result = site.run("issue", *serials)
        expect_rc(result, 0)
        expect_equal(result.out.count("master keyset 38"), len(serials))
    with case("B4 each has the master key that is derived from its UID"):
        for instance, uid in zip(fleet, uids):
            site.expect_master(instance, uid, 1)
    with case("B3 a cryptogram is stored under each UID, and no two are alike"):
        with sqlite3.connect(site.central.dir / "central.db") as db:
            rows = db.execute("SELECT lower(hex(uid)), cms FROM cryptograms").fetchall()
        expect_equal(sorted(uid for uid, _ in rows), sorted(uids))
        expect_equal(len({cms for _, cms in rows}), FLEET)
    with case("B5 a second issuance is refused: the module has its keys"):
        expect_rc(site.run("issue", serials[0]), 1, "SN-0: it has its keys already")
        site.expect_master(fleet[0], uids[0], 1)


def campaigns(site, fleet, uids):
    with case("B11 a campaign reports whom it did not reach, and goes on with them"):
        site.next_master(2)
        fleet[1].agent.terminate()
        site.central.server.wait_for("module SN-1: connection broken|module SN-1 disconnected")
        result = site.run("campaign", "start")
        expect_rc(result, 1, "1 modules are left")
        expect_match("(?s)module SN-0: begun.*module SN-0: done", result.out)
        report = site.report()
        expect_equal((report["state"], report["done"]), ("running", FLEET - 1))
        expect_equal([(m["serial"], m["step"]) for m in report["left"]], [("SN-1", "planned")])
        expect_match("not connected", report["left"][0]["cause"])
        expect_rc(site.run("campaign", "start"), 1, "a campaign is running")
        fleet[1].connect(site.central)
        fleet[1].connected()
        result = site.campaign_on_terminal("resume")
        expect_rc(result, 0, "is done")
        expect_match(rf"\[#+ +\] {FLEET - 1} of {FLEET}, 0 failed \r.*\[#+\] {FLEET} of {FLEET}, 0 failed",
                     result.out)
    with case("B7 B8 all have the new master key, and the old one no more"):
        for instance, uid in zip(fleet, uids):
            site.expect_master(instance, uid, 2)


def locked(site, fleet, uids):
    victim = fleet[3]
    with case("B11 a campaign that is aborted leaves the rest, and makes room for another"):
        victim.lock(0x39)
        tell_locked(site, victim, 0x39)
        victim.agent.terminate()
        site.central.server.wait_for("module SN-3: connection broken|module SN-3 disconnected")
        expect_rc(site.run("campaign", "start", "--version", "2"), 1, "1 modules are left")
        expect_rc(site.central.run("campaign", "abort", check=False), 1, "give the reason")
        site.central.run("campaign", "abort", "--reason", "its terminal is away")
        report = site.report()
        expect_equal((report["state"], report["reason"]), ("aborted", "its terminal is away"))
        expect_equal([(m["serial"], m["step"]) for m in report["left"]], [("SN-3", "planned")])
        expect_match("campaign abort.*its terminal is away", site.central.run("audit").out)
        for again in ("resume", "abort"):
            words = ["--reason", "again"] if again == "abort" else ["--hsm1", site.hsm1.dir]
            expect_rc(site.central.run("campaign", again, *words, check=False), 1,
                      "the last campaign is aborted")
        victim.connect(site.central)
        victim.connected()
        tell_locked(site, victim, 0x39)
    with case("B8 B9 a locked master keyset is put once more, and no other is"):
        result = site.run("campaign", "start", "--version", "2")
        expect_rc(result, 0, "is done")
        expect_match("module SN-3: begun", result.out)
        expect_equal(result.out.count("begun\n"), 1)
        tell_locked(site, victim, 0x39, False)
        site.expect_master(victim, uids[3], 2)
        talk = Talk(victim.vm, victim.device)
        talk.select()
        expect_equal(refusal(talk.initialize, Keyset(0x39)), 0x9000)
        talk.close()


def reissued(site, vm, victim, uid):
    """Resets the module and issues keys again: its first cryptogram stands for another
    random number from then on. Leaves that one the newest; returns the right one."""
    victim.secmod("certs", "--out-dir", vm.share)
    site.central.run("module", "identity", vm.share / "identity.pem")
    site.central.run("reset", "order", "--reason", "test", victim.serial)
    expect_equal(site.central.run("status", victim.serial, check=False).rc, 1)
    mark = victim.agent.err.count("connected to")
    victim.secmod("personalize", site.unit.guest_endpoint)
    victim.agent.wait_for("(?s)" + "connected to.*" * (mark + 1), 60)
    expect_rc(site.run("issue", victim.serial), 0)
    with sqlite3.connect(site.central.dir / "central.db") as db:
        rows = db.execute("SELECT entry, cms FROM cryptograms WHERE lower(hex(uid)) = ?"
                          " ORDER BY entry", (uid,)).fetchall()
        expect_equal(len(rows), 2)
        db.execute("UPDATE cryptograms SET cms = ? WHERE entry = ?", (rows[0][1], rows[1][0]))
    return rows[1]


def wrong_key(site, vm, fleet, uids):
    victim, uid = fleet[2], uids[2]
    with case("A21 B3 B9 a locked replacement keyset: a reset, and others are issued"):
        site.next_master(3)
        victim.lock(0x31)
        tell_locked(site, victim, 0x31)
        expect_rc(site.run("campaign", "start"), 1, "1 modules are left")
        (left,) = site.report()["left"]
        expect_equal((left["serial"], left["step"]), (victim.serial, "failed"))
        expect_match("6983: the keyset is locked .* for a KRK reset the module", left["cause"])
        entry, right = reissued(site, vm, victim, uid)
        expect_equal(sorted(site.keysets(victim.serial)), [0x31, 0x3A])
        tell_locked(site, victim, 0x31, False)
        expect_rc(site.run("campaign", "resume", "--failed"), 0, "is done")
    with case("B9 a wrong replacement key is found out before it is presented, and not tried again"):
        site.next_master(4)
        expect_rc(site.run("campaign", "start"), 1, "1 modules are left")
        (left,) = site.report()["left"]
        expect_equal((left["serial"], left["step"]), (victim.serial, "failed"))
        expect_match("does not know keyset 31 as it is here", left["cause"])
        expect_rc(site.run("campaign", "resume"), 1)
        expect_equal(site.report()["left"][0]["tries"], 1)
        keysets = site.keysets(victim.serial)
        expect_equal((sorted(keysets), keysets[0x31][1]), ([0x31, 0x3A], 0))
    with case("B9 the right one is taken afterwards, when it is asked for"):
        with sqlite3.connect(site.central.dir / "central.db") as db:
            db.execute("UPDATE cryptograms SET cms = ? WHERE entry = ?", (right, entry))
        wait_for(lambda: site.run("campaign", "resume", "--failed").rc == 0, 60, "the end")
        site.expect_master(victim, uid, 4)


def broken(site, vm, fleet, uids):
    with case("B11 a campaign killed in the middle is resumed"):
        site.next_master(5)
        process = site.campaign("start", "--parallel", "1")
        process.wait_for("module SN-1: begun", 60)
        os.kill(process.child.pid, signal.SIGKILL)
        process.wait()
        report = site.report()
        expect_equal(report["state"], "running")
        expect(report["done"] < FLEET, "it was over already")
        site.hsm1.flush()
        wait_for(lambda: site.run("campaign", "resume").rc == 0, 60, "the end of the campaign")
        for instance, uid in zip(fleet, uids):
            site.expect_master(instance, uid, 5)
    with case("B9 B11 so is one in which the modules' power failed"):
        site.next_master(6)
        process = site.campaign("start", "--parallel", "2")
        process.wait_for("module SN-2: begun", 60)
        vm.power_cut()
        expect_equal(process.wait(180), 1)
        expect(site.report()["left"], "nothing was left")
        start(vm, site, fleet)
        expect_rc(site.run("campaign", "resume"), 0, "is done")
        for instance, uid in zip(fleet, uids):
            site.expect_master(instance, uid, 6)


def main():
    tpm = Tpm()
    site = Site(tpm, FLEET, policy=("--keyset-tries", str(TRIES)))
    with VM(tpm=tpm) as vm:
        vm.load_module(f"instances={FLEET}")
        fleet = make(vm, site, FLEET)
        uids = [instance.uid() for instance in fleet]
        issuance(site, fleet, uids)
        campaigns(site, fleet, uids)
        locked(site, fleet, uids)
        wrong_key(site, vm, fleet, uids)
        broken(site, vm, fleet, uids)


if __name__ == "__main__":
    main()
